import { signalName } from '../../run-parts/driver-report.ts'
import { pythonText } from './python-text.ts'
import { look, runDirectory, RUNNER } from './run-directory.ts'
import type { DirectoryEnd, RefreshWorld } from './run-directory.ts'

export const PHASES = ['pre-configure', 'configure', 'post-configure', 'migration'] as const

/** What failed in a phase, for its error handlers. */
interface Failure {
  readonly phase: string
  readonly script: string
  readonly exitCode: number | null
  readonly signal: string | null
}

/** Runs the phases in order and, when one fails, the error handlers. Returns the exit code. */
export async function runPhases(world: RefreshWorld): Promise<number> {
  for (const phase of PHASES) {
    const directory = phaseDirectory(world.base, phase)
    world.log('DEBUG', `Checking ${directory}`)
    const presence = look(directory)
    if (presence !== 'present' && presence !== 'absent') {
      world.log('ERROR', `Cannot look for ${directory}. ${presence.reason}`)
      return abort(world)
    }
    if (presence === 'absent') {
      world.log('DEBUG', `No dir for phase ${phase}`)
      continue
    }
    world.log('INFO', `Starting phase ${phase}`)
    world.log('DEBUG', `Running ${commandOf(directory)}`)
    const failure = await runPhase(world, phase, directory)
    if (world.isStopped()) return 1
    if (failure) return handleFailure(world, failure)
    world.log('INFO', `Completed phase ${phase}`)
  }
  return 0
}

async function runPhase(world: RefreshWorld, phase: string, directory: string): Promise<Failure | undefined> {
  let script = ''
  const end = await runDirectory(world, directory, { onScript: name => (script = name) })
  if (end.kind === 'done' || world.isStopped()) return undefined
  world.log('ERROR', `during ${phase} phase. [Command '${commandOf(directory)}' ${describeEnd(end)}]\n`)
  const { exitCode, signal } = end.own ?? { exitCode: null, signal: 'SIGKILL' }
  return { phase, script, exitCode, signal }
}

async function handleFailure(world: RefreshWorld, failure: Failure): Promise<number> {
  const directory = phaseDirectory(world.base, 'error')
  if (look(directory) === 'present') {
    world.log('INFO', 'Calling error handlers.')
    // The handlers of a run that was cut have as much time as the run had; of one that failed by itself, what is left of it.
    if (world.limit.isOver()) world.limit.renew()
    await runDirectory(world, directory, { environment: describeFailure(failure) })
  }
  return world.isStopped() ? 1 : abort(world)
}

/** What the error handlers are told: their environment has always all of these, empty where there is nothing to say. */
function describeFailure({ phase, script, exitCode, signal }: Failure): NodeJS.ProcessEnv {
  return {
    OS_REFRESH_FAILED_PHASE: phase,
    OS_REFRESH_FAILED_SCRIPT: script,
    OS_REFRESH_FAILED_EXIT_CODE: exitCode === null ? '' : String(exitCode),
    OS_REFRESH_FAILED_SIGNAL: signal ?? '',
  }
}

function abort(world: RefreshWorld): number {
  world.log('ERROR', 'Aborting...')
  return 1
}

function describeEnd({ code, signal }: Extract<DirectoryEnd, { kind: 'failed' }>): string {
  if (signal === null) return `returned non-zero exit status ${code}.`
  const name = PYTHON_NAMES.get(signal) ?? signalName(signal)
  return name === undefined || name.includes('+') ? `died with unknown signal ${signal}.` : `died with <Signals.${name}: ${signal}>.`
}

/** Python has names for the first and the last of the real-time signals only. */
const PYTHON_NAMES = new Map([
  [34, 'SIGRTMIN'],
  [64, 'SIGRTMAX'],
])

function commandOf(directory: string): string {
  return `['${RUNNER}', ${pythonText(directory)}]`
}

function phaseDirectory(base: string, phase: string): string {
  return `${base.endsWith('/') ? base : `${base}/`}${phase}.d`
}
