import { appendFileSync, existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readKept } from '../output/kept.ts'
import { readPhaseDirectory } from '../plan/phase-directory.ts'
import { Limits } from './limits.ts'
import { runStage, type Failure } from './run-stage.ts'
import { ScriptFiles } from './script-files.ts'
import { warn, type Session } from './session.ts'
import { environmentOutput, withShells } from './shell-pool.ts'
import { markOf } from '../containment/mark.ts'

/**
 * Runs the scripts of error.d, one after the other, after a failure. They are told what failed, have a time limit of their own, and change
 * nothing about how the run ends; the first that fails is the last, as with os-refresh-config.
 */
export async function runErrorStage(session: Session, failure: Failure): Promise<void> {
  const { options, world, journal, emit } = session
  const at = () => world.now().toISOString()
  const limits = new Limits({ scriptMs: 0, stageMs: options.errorTimeoutMs, signal: world.signal })
  const log = writeLog(session, failure)
  const environment = { ...scriptEnvironment(session), ...failedEnvironment(failure, log) }
  try {
    const directory = readPhaseDirectory(options.base, 'error', environment)
    if (directory === undefined) return
    journal.append({ kind: 'phase', at: at(), phase: 'error', state: 'started' })
    emit({ kind: 'step', step: 'error', state: 'started' })
    const groups = directory.scripts.map(script => [script])
    const stage = { session, phase: 'error', isParallel: false, retries: 0, limits }
    const { environmentFiles } = directory
    const end = await withShells({ session, phase: 'error', limits, environment, environmentFiles }, shells =>
      runStage({ ...stage, shells, files: new ScriptFiles(directory.scripts.map(({ path }) => path)) }, groups, 1),
    )
    const state = end.kind === 'succeeded' ? 'succeeded' : 'failed'
    const message = end.kind === 'failed' ? end.failure.error.message : undefined
    journal.append({ kind: 'phase', at: at(), phase: 'error', state, ...(message === undefined ? {} : { message }) })
    emit({ kind: 'step', step: 'error', state, ...(message === undefined ? {} : { message }) })
  } catch (error) {
    warn(session, `error.d did not run: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** What every script of a run finds in its environment beside the caller's; the phase and the script are added by the shell. */
export function scriptEnvironment(session: Session): Record<string, string | undefined> {
  const { environment } = session.world
  return { ...environment, ...markOf(session.id, environment), INSTAR_FORMAT_VERSION: '1', INSTAR_RUN_ID: session.id }
}

function failedEnvironment({ phase, record }: Failure, log: string): Record<string, string> {
  return {
    OS_REFRESH_FAILED_PHASE: phase,
    OS_REFRESH_FAILED_SCRIPT: record?.name ?? '',
    OS_REFRESH_FAILED_EXIT_CODE: record?.exit_code === null || record === undefined ? '' : String(record.exit_code),
    OS_REFRESH_FAILED_SIGNAL: record?.signal ?? '',
    OS_REFRESH_FAILED_LOG: log,
  }
}

/** One file with what the failed script, or environment file, printed: stdout, then stderr. */
function writeLog(session: Session, { phase, record }: Failure): string {
  const log = join(session.folder, 'failed.log')
  writeFileSync(log, '', { mode: 0o600 })
  for (const stream of ['stdout', 'stderr']) {
    const file =
      record === undefined ? environmentOutput(session.folder, phase, stream) : join(session.folder, 'output', `${record.output}.${stream}`)
    if (!existsSync(file) || statSync(file).size === 0) continue
    for (const piece of readKept(file)) appendFileSync(log, piece)
  }
  return log
}
