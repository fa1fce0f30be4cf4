import { join } from 'node:path'
import { InstarError, type Emit } from '@instar/contract'
import { createLayer, openAppliance, probeImage, type Machine } from '@instar/machine'
import { lookAtGuest, type LookResult, type LuksKey, type MorphTarget } from '@instar/morph'
import type { MorphPlace } from './morph-machine.ts'

export interface PreflightRequest {
  readonly keys: readonly LuksKey[]
  readonly target: MorphTarget
  readonly root?: string
  /** Scripts that run before the OS is fitted may mend whatever is found: then nothing is refused. */
  readonly hasScripts: boolean
  readonly say: (level: 'INFO' | 'WARNING', message: string) => void
}

/** What the guest is looked at on. */
export interface PreflightMachine extends AsyncDisposable {
  readonly machine: Machine
}

type Place = Pick<MorphPlace, 'appliance' | 'signal' | 'emit'>

/**
 * Looks at the guest before anything is changed or run: tells what would keep it from booting, and throws `morph.will-not-boot` where that is sure
 * and no script could mend it. The look itself writes to the disks (journals are replayed).
 */
export async function preflight(request: PreflightRequest, open: () => Promise<PreflightMachine>, place: Place): Promise<void> {
  let seen: LookResult
  try {
    seen = await look(request, open, place)
  } catch (error) {
    // Locked storage, say, that a script opens: the morph itself tells whether it can go on.
    if (!(error instanceof InstarError) || !request.hasScripts) throw error
    request.say('WARNING', `The check before the morph could not look at the guest: ${error.message}`)
    return
  }
  const { facts, verdict } = seen
  if (verdict === undefined) throw new InstarError('guest.unsupported', `the disks hold ${facts.name}, which is not morphed yet`)
  request.say('INFO', `${facts.name}: boots as it is: ${verdict.boots}; after the morph: ${verdict.bootsAfterMorph}`)
  for (const { state, message, isFixedByMorph } of verdict.lines) {
    if ((state === 'fatal' || state === 'warning') && isFixedByMorph !== true) request.say('WARNING', message)
  }
  if (verdict.bootsAfterMorph !== 'no' || request.hasScripts) return
  const why = verdict.lines
    .filter(({ state, isFixedByMorph }) => state === 'fatal' && isFixedByMorph !== true)
    .map(({ message }) => message)
  throw new InstarError('morph.will-not-boot', `the machine would not boot, and no morph mends it: ${why.join('; ')}`)
}

async function look(request: PreflightRequest, open: () => Promise<PreflightMachine>, { signal, emit }: Place): Promise<LookResult> {
  await using opened = await open()
  const { keys, target, root } = request
  const world = { machine: opened.machine, signal, emit: quiet(emit) }
  return await lookAtGuest({ keys, target, ...(root === undefined ? {} : { root }) }, world)
}

/** The machine's disks as they are, and where what they are based on lies. */
interface LayeredDisk {
  readonly file: string
  readonly allowBacking: readonly string[]
}

/** An appliance of its own, with throw-away layers on these disks. */
export async function openOnLayers(layered: readonly LayeredDisk[], { appliance, signal }: Place): Promise<PreflightMachine> {
  await using stack = new AsyncDisposableStack()
  const disks = []
  for (const { file, allowBacking } of layered) {
    const image = await probeImage(file, { format: 'qcow2', allowBacking, skipCheck: true, signal })
    const layer = stack.use(await createLayer({ image, dir: join(appliance.runtimeDir, 'layers'), signal }))
    disks.push({ file: layer.file, format: 'qcow2' as const, readOnly: false, node: layer.node })
  }
  const machine = stack.use(await openAppliance({ ...appliance, disks, signal }))
  const owned = stack.move()
  return { machine, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Of the check its own steps are shown, and none of its warnings twice. */
function quiet(emit: Emit): Emit {
  return event => {
    if (event.kind !== 'warning') emit(event)
  }
}
