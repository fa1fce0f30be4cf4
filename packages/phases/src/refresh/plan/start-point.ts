import { InstarError } from '@instar/contract/errors'
import type { RefreshPhase } from '@instar/contract/phases'
import { compareScripts, haveSameNumber } from '../../run-parts/order.ts'
import type { RefreshRun, ScriptRecord } from '../journal/records.ts'
import { describeEnd, REBOOT_CODE } from '../run/run-script.ts'
import type { PhaseDirectory } from './phase-directory.ts'

/** Where a run begins that does not begin at the beginning. */
export interface StartPoint {
  readonly phase: RefreshPhase
  /** The script at which it begins; absent: the phase's first. */
  readonly at?: string
  /** Scripts of that phase that have run and do not run again, with how they ended. */
  readonly done: ReadonlyMap<string, string>
  /** Why what comes before does not run. */
  readonly reason: string
}

/** Why a script does not run because of where the run begins; `undefined` when it does. */
export function whyBeforeStart(start: StartPoint | undefined, phase: RefreshPhase, name: string): string | undefined {
  if (start === undefined || start.phase !== phase || start.at === undefined) return undefined
  const ended = start.done.get(name)
  if (ended !== undefined) return ended
  if (compareScripts(name, start.at) >= 0) return undefined
  // Without --parallel the ones of an equal number that come before it have run too, unless they are new.
  return haveSameNumber(name, start.at) && start.done.size > 0 ? undefined : start.reason
}

/** `--from SCRIPT`: a name, or phase/name; throws `refresh.unknown-script`. */
export function startFrom(
  wanted: string,
  phases: readonly RefreshPhase[],
  directoryOf: (phase: RefreshPhase) => PhaseDirectory | undefined,
): StartPoint {
  const [, phaseName, name] = /^(?:([^/]+)\/)?([^/]+)$/.exec(wanted) ?? []
  const found = phases.filter(
    phase =>
      (phaseName === undefined || phaseName.replaceAll('_', '-') === phase) &&
      directoryOf(phase)?.scripts.some(script => script.name === name) === true,
  )
  const [phase, second] = found
  if (phase === undefined || name === undefined)
    throw new InstarError('refresh.unknown-script', `no phase of this run has a script "${wanted}" that would run`)
  if (second !== undefined)
    throw new InstarError('refresh.unknown-script', `${found.length} phases have a script "${name}": ${found.join(', ')}`, {
      hint: `Say which one: --from ${phase}/${name}.`,
    })
  return { phase, at: name, done: new Map(), reason: `before ${phase}/${name}` }
}

/** `--resume`: after the script that failed (with `again`: at it), or at the one that was interrupted; throws `refresh.not-resumable`. */
export function startAfter(run: RefreshRun, again: boolean): StartPoint {
  const reason = `before the script that run ${run.id} came to`
  const phase = unfinishedPhase(run)
  if (run.state === 'succeeded' || run.state === 'running' || phase === undefined)
    throw new InstarError('refresh.not-resumable', `run ${run.id} ${run.state === 'running' ? 'still runs' : 'left nothing undone'}`)
  const scripts = run.scripts.filter(script => script.phase === phase)
  const last = scripts.at(-1)
  if (last === undefined) return { phase, done: new Map(), reason }
  const done = scripts
    .filter(script => isDone(script, again))
    .map(script => [script.name, `it ${script.exit_code === 0 ? 'was done' : describeEnd(script)} in run ${run.id}`] as const)
  return { phase, at: last.name, done: new Map(done), reason }
}

/** The phase in which the run ended, or the next one when it ended between two. */
function unfinishedPhase(run: RefreshRun): RefreshPhase | undefined {
  const { phases } = run.options
  const begun = run.phases.filter(({ phase }) => phase !== 'error')
  const open = begun.findLast(({ state }) => state !== 'succeeded')
  return phases.find(phase => (open === undefined ? begun.every(one => one.phase !== phase) : open.phase === phase))
}

function isDone({ ended_at, interrupted, exit_code }: ScriptRecord, again: boolean): boolean {
  return ended_at !== null && !interrupted && (!again || exit_code === 0 || exit_code === REBOOT_CODE)
}
