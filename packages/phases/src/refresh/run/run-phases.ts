import { InstarError } from '@instar/contract/errors'
import type { RefreshPhase } from '@instar/contract/phases'
import { planPhase } from '../plan/plan.ts'
import { readPhaseDirectory, type PhaseDirectory } from '../plan/phase-directory.ts'
import type { StartPoint } from '../plan/start-point.ts'
import { scriptEnvironment } from './error-stage.ts'
import { Limits } from './limits.ts'
import { runStage, type StageEnd } from './run-stage.ts'
import { ScriptFiles } from './script-files.ts'
import type { Session } from './session.ts'
import { withShells } from './shell-pool.ts'

export type PhasesEnd =
  | Exclude<StageEnd, { kind: 'reboot' }>
  | { readonly kind: 'reboot'; readonly phase: RefreshPhase; readonly name: string }

/**
 * Runs the phases in their order, from the start point on. Each directory is looked at when its turn comes: a script of an earlier phase may
 * fill that of a later one. `elapsedMs`: what the run has used of its time before a reboot.
 */
export async function runPhases(session: Session, start: StartPoint | undefined, elapsedMs: number): Promise<PhasesEnd> {
  const { options, world } = session
  // A limit that the time before the reboot has used up is over, not absent.
  const stageMs = options.timeoutMs === 0 ? 0 : Math.max(1, options.timeoutMs - elapsedMs)
  const limits = new Limits({ scriptMs: options.scriptTimeoutMs, stageMs, signal: world.signal })
  const first = start === undefined ? 0 : options.phases.indexOf(start.phase)
  for (const phase of options.phases.slice(first)) {
    const end = await runPhase(session, phase, start, limits)
    // What a phase did is on disk before the next one begins.
    await session.journal.flush()
    if (end.kind === 'reboot') return { ...end, phase }
    if (end.kind !== 'succeeded') return end
  }
  return { kind: 'succeeded' }
}

async function runPhase(session: Session, phase: RefreshPhase, start: StartPoint | undefined, limits: Limits): Promise<StageEnd> {
  const { options, journal, emit, world } = session
  const note = (state: 'started' | 'succeeded' | 'failed', message?: string) => {
    const more = message === undefined ? {} : { message }
    journal.append({ kind: 'phase', at: world.now().toISOString(), phase, state, ...more })
    emit({ kind: 'step', step: phase, state, ...more })
  }
  const environment = scriptEnvironment(session)
  const fail = (error: InstarError): StageEnd => {
    note('failed', error.message)
    return { kind: 'failed', failure: { phase, error } }
  }
  const directory = tryRead(() => readPhaseDirectory(options.base, phase, environment))
  if (directory instanceof InstarError) return fail(directory)
  const plan = planPhase(options, phase, start, directory)
  if (plan === undefined) return { kind: 'succeeded' }
  note('started')
  for (const entry of plan.notRun) {
    journal.append({ kind: 'not-run', phase, ...entry })
    emit({ kind: 'script', step: entry.name, state: 'skipped', message: `${phase}: ${entry.name} does not run: ${entry.reason}` })
  }
  const { environmentFiles, groups } = plan
  const stage = { session, phase, isParallel: options.parallel, retries: options.retries, limits }
  // Without a script to start there is no need of a shell: an environment file by itself does nothing.
  const end = await withShells({ session, phase, limits, environment, environmentFiles }, shells =>
    runStage(
      { ...stage, shells, files: new ScriptFiles(groups.flat().map(({ path }) => path)) },
      groups,
      options.parallel ? options.jobs : 1,
    ),
  )
  if (end.kind === 'succeeded') note('succeeded')
  if (end.kind === 'failed') note('failed', end.failure.error.message)
  return end
}

function tryRead(read: () => PhaseDirectory | undefined): PhaseDirectory | undefined | InstarError {
  try {
    return read()
  } catch (error) {
    if (error instanceof InstarError) return error
    throw error
  }
}
