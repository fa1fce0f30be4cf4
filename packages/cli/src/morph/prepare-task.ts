import { resolve } from 'node:path'
import { InstarError } from '@instar/contract/errors'
import { MORPHING_PHASES } from '@instar/contract/phases'
import { selectScripts, type Selection } from '@instar/contract/scripts'
import { loadKey, parseKey, parseNic, requirePackageNames, type MorphRequest } from '@instar/morph'
import type { MorphOptions } from '../commands/morph.ts'
import { collectScripts, collectSecrets, type CollectedScripts } from '../scripts/collect.ts'
import { scriptFlagsOf } from '../scripts/flags-of.ts'
import { instanceName } from './instance-name.ts'
import type { Resumable } from './resume.ts'

/** All that a command line asks for, read and checked; nothing has been touched yet. */
export interface MorphTask {
  readonly images: readonly string[]
  readonly instance: string
  readonly scripts: CollectedScripts
  readonly selection: Selection
  readonly request: Omit<MorphRequest, 'runId'>
  readonly options: MorphOptions
  /** It goes on with the layers of an earlier run. */
  readonly isResumed: boolean
}

/** Reads flags, scripts, secrets and keys. Everything that is wrong with them is an error here. */
export async function prepareTask(
  images: readonly string[],
  { options, earlier }: { options: MorphOptions; earlier: Pick<Resumable, 'resumeAt'> | undefined },
  signal: AbortSignal,
): Promise<MorphTask> {
  requireDisks(images, options)
  refuseIdleOptions(options)
  requirePackageNames([...(options.install ?? []), ...(options.remove ?? [])])
  const instance = instanceName(options.name, images[0] ?? options.minion ?? '')
  const scripts = await collectScripts(scriptFlagsOf(options), instance)
  const selection = selectScripts(scripts, { instance, osType: 'linux', merge: options.merge === true })
  if (options.skipOsMorphing === true) refuseSkippedScripts(selection)
  const keys = await Promise.all((options.key ?? []).map(text => loadKey(parseKey(text), signal)))
  return {
    images: images.map(file => resolve(file)),
    instance,
    scripts,
    selection,
    options,
    isResumed: earlier !== undefined,
    request: {
      instance,
      scripts: selection.run,
      secrets: await collectSecrets(options.secret ?? []),
      keys,
      target: { bus: options.bus, ...(options.firmware === undefined ? {} : { firmware: options.firmware }) },
      network: { policy: options.network, nics: (options.nic ?? []).map(parseNic) },
      packages: { install: options.install ?? [], remove: options.remove ?? [] },
      skipOsMorphing: options.skipOsMorphing === true,
      ...(options.root === undefined ? {} : { root: options.root }),
      ...(earlier?.resumeAt === undefined ? {} : { resumeAt: earlier.resumeAt }),
    },
  }
}

function requireDisks(images: readonly string[], options: MorphOptions): void {
  const devices = options.device ?? []
  if (options.minion === undefined) {
    if (devices.length > 0) throw new InstarError('usage.bad-argument', '--device names disks of a --minion machine, and none is given')
    if (images.length === 0) throw new InstarError('usage.bad-argument', 'no image is given')
  } else {
    if (images.length > 0)
      throw new InstarError('usage.bad-argument', `${options.minion} already has the disks; give them as --device, not as images`)
    if (devices.length === 0) throw new InstarError('usage.bad-argument', `which disks of ${options.minion} are the guest's? Give --device`)
  }
  const twice = images.find((image, at) => images.findIndex(other => resolve(other) === resolve(image)) < at)
  if (twice !== undefined) throw new InstarError('usage.bad-argument', `${twice} is given twice`)
  const outputs = options.output?.length ?? 0
  if (outputs > 0 && outputs !== images.length) {
    throw new InstarError(
      'usage.bad-argument',
      `${outputs} outputs are given for ${images.length} images; give one for each, in their order`,
    )
  }
}

/** What an option asks for and another takes away is refused: nothing is left undone in silence. */
function refuseIdleOptions(options: MorphOptions): void {
  const fitting = {
    install: options.install,
    remove: options.remove,
    nic: options.nic,
    'network dhcp': options.network === 'dhcp' ? ['dhcp'] : undefined,
  }
  const idle = Object.entries(fitting).filter(([, value]) => value !== undefined && value.length > 0)
  if (options.skipOsMorphing === true && idle.length > 0) {
    throw new InstarError('usage.bad-argument', `--skip-os-morphing leaves the OS as it is, so --${idle[0]![0]} would do nothing`)
  }
  if (options.minion !== undefined && (options.keepOnError === true || options.output !== undefined)) {
    throw new InstarError('usage.bad-argument', `--minion works on the disks themselves: there is no layer to keep and no image to write`)
  }
  // Else the source would be changed in place by one who means to write another file.
  const ofOutput = options.outputFormat !== undefined ? '--output-format' : options.force === true ? '--force' : undefined
  if (ofOutput !== undefined && options.output === undefined) {
    throw new InstarError('usage.bad-argument', `${ofOutput} is about the files that --output names, and none is named`)
  }
}

/** Skipping in silence would be worst: a script that was given and cannot run stops the command. */
function refuseSkippedScripts(selection: Selection): void {
  const skipped = selection.run.filter(({ phase }) => MORPHING_PHASES.includes(phase))
  if (skipped.length === 0) return
  const list = skipped.map(({ name, phase }) => `${name} (${phase})`).join(', ')
  throw new InstarError('morph.scripts-skipped', `--skip-os-morphing leaves out the phases of ${list}`)
}
