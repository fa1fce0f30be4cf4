import type { Run } from '@instar/contract'
import { InstarError } from '@instar/contract/errors'
import { parsePhase, type MachinePhase } from '@instar/contract/phases'
import type { MorphOptions } from '../commands/morph.ts'
import type { Context } from '../context.ts'
import type { RunStore } from '../runs/run-store.ts'

/** A failed run that can go on: its images and options, and the script to begin with. */
export interface Resumable {
  readonly run: Run
  readonly images: readonly string[]
  readonly options: MorphOptions
  readonly resumeAt?: { readonly phase: MachinePhase; readonly order: number }
}

/**
 * Looks a run up and takes over what was asked of it. Keys and secrets that are given again replace the earlier ones; scripts are read
 * anew from their files, so that a repaired one runs.
 */
export async function findResumable(
  context: Context,
  store: RunStore,
  { images, options: given }: { readonly images: readonly string[]; readonly options: MorphOptions },
): Promise<Resumable> {
  refuseOthers(images, given)
  const run = await store.find(given.resume ?? '')
  if (run.resumed_by !== undefined) throw new InstarError('run.not-resumable', `run ${run.id} went on already, as ${run.resumed_by}`)
  if (run.kept_layers === undefined) throw new InstarError('run.not-resumable', `run ${run.id} (${run.state}) kept no layer`)
  if (run.cwd !== context.cwd) {
    throw new InstarError('run.not-resumable', `run ${run.id} was started in ${run.cwd}, and its paths may be relative to it`, {
      hint: `cd ${run.cwd}`,
    })
  }
  const resumeAt = run.resume_at
  return {
    run,
    images: run.images,
    // Written by us from checked options of the same version of the record.
    options: { ...(run.options as unknown as MorphOptions), ...overrides(given) },
    ...(resumeAt === undefined ? {} : { resumeAt: { phase: parsePhase(resumeAt.phase), order: resumeAt.order } }),
  }
}

const TAKEN = ['resume', 'key', 'secret', 'json', 'keepOnError', 'memory']
const DEFAULTS: Readonly<Record<string, unknown>> = { bus: 'virtio', network: 'keep', accel: 'auto' }

/** What is given beside --resume and would have no effect. */
function refuseOthers(images: readonly string[], given: MorphOptions): void {
  const others = Object.entries(given).filter(([name, value]) => !TAKEN.includes(name) && value !== DEFAULTS[name])
  const words = [...images, ...others.map(([name]) => `--${name.replaceAll(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`)]
  if (words.length === 0) return
  throw new InstarError(
    'usage.bad-argument',
    `--resume takes images and options over from the earlier run; it cannot change ${words.join(', ')}`,
    {
      hint: 'Only --key, --secret, --memory, --keep-on-error and --json may be given again; the scripts are read anew from their files.',
    },
  )
}

function overrides(given: MorphOptions): Partial<MorphOptions> {
  const { key, secret, json, keepOnError, memory } = given
  return Object.fromEntries(Object.entries({ key, secret, json, keepOnError, memory }).filter(([, value]) => value !== undefined))
}
