import { statSync } from 'node:fs'
import { constants } from 'node:os'
import { signalName } from '../../run-parts/driver-report.ts'
import type { Messages } from '../../run-parts/messages.ts'
import { usageText } from '../../run-parts/messages.ts'
import { runParts } from '../../run-parts/run-parts.ts'
import type { Stream } from '../../run-parts/starter.ts'
import { errnoOf, reasonOf } from '../../run-parts/system-error.ts'
import { writeAll } from '../../run-parts/write-all.ts'
import type { Log } from './log-lines.ts'
import { pythonText } from './python-text.ts'
import { runForeign } from './runner.ts'
import type { TimeLimit } from './time-limit.ts'

export const PHASES = ['pre-configure', 'configure', 'post-configure', 'migration'] as const
const RUNNER = 'dib-run-parts'
const STDERR = 2

export interface RefreshWorld {
  readonly base: string
  readonly environment: NodeJS.ProcessEnv
  readonly stdio: readonly [Stream, Stream, Stream]
  readonly log: Log
  readonly say: Messages
  readonly limit: TimeLimit
  /** For the environment of all that the run starts. */
  readonly mark: NodeJS.ProcessEnv
  /** Told of each process that will start scripts, before it starts anything. */
  readonly onShell: (pid: number) => void
  /** Resolves when what the time limit killed is gone. */
  readonly whenKilled: () => Promise<void>
  /** True once a signal ends the run. */
  readonly isStopped: () => boolean
  readonly onStop: (stop: () => void) => void
  readonly foreignRunner: string | undefined
}

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

type DirectoryEnd =
  | { readonly kind: 'done' }
  /** `code`, or `signal` when the runner died of one. `own`: how the script, or whatever failed, ended. */
  | {
      readonly kind: 'failed'
      readonly code: number
      readonly signal: number | null
      readonly own?: { readonly exitCode: number | null; readonly signal: string | null }
    }

const KILLED: DirectoryEnd = { kind: 'failed', code: 0, signal: constants.signals.SIGKILL }

/** Runs one directory by the runner inside or by a foreign one; a run that is cut by the time limit ends as if its runner had been killed. */
async function runDirectory(
  world: RefreshWorld,
  directory: string,
  more: { readonly onScript?: (name: string) => void; readonly environment?: NodeJS.ProcessEnv },
): Promise<DirectoryEnd> {
  const extraEnvironment = { ...world.mark, ...more.environment }
  const end = world.foreignRunner
    ? await runForeignDirectory(world, world.foreignRunner, directory, extraEnvironment)
    : await runOwnDirectory(world, directory, { ...more, environment: extraEnvironment })
  if (!world.limit.isOver()) return end
  await world.whenKilled()
  return KILLED
}

async function runForeignDirectory(
  world: RefreshWorld,
  program: string,
  directory: string,
  extraEnvironment: NodeJS.ProcessEnv,
): Promise<DirectoryEnd> {
  const end = await runForeign({ program, directory, environment: { ...world.environment, ...extraEnvironment }, onStart: world.onShell })
  if (end.kind === 'not-started') {
    world.log('ERROR', `Cannot start ${program}. ${end.reason}`)
    return { kind: 'failed', code: 1, signal: null, own: { exitCode: 1, signal: null } }
  }
  if (end.exitCode === 0) return { kind: 'done' }
  const signal = end.signal === null ? null : constants.signals[end.signal]
  return { kind: 'failed', code: end.exitCode ?? 0, signal, own: end }
}

async function runOwnDirectory(
  world: RefreshWorld,
  directory: string,
  more: { readonly onScript?: (name: string) => void; readonly environment: NodeJS.ProcessEnv },
): Promise<DirectoryEnd> {
  if (look(directory) === 'present' && !statSync(directory).isDirectory()) {
    world.say(`Scripts directory [${directory}] must exist and be a directory`)
    writeAll(STDERR, usageText(RUNNER))
    return { kind: 'failed', code: 1, signal: null, own: { exitCode: 1, signal: null } }
  }
  const end = await runParts({
    directory,
    environment: world.environment,
    extraEnvironment: more.environment,
    name: RUNNER,
    stdio: world.stdio,
    say: world.say,
    isStopped: () => world.isStopped() || world.limit.isOver(),
    onStop: stop => world.onStop(stop),
    onShell: pid => world.onShell(pid),
    ...(more.onScript ? { onScript: more.onScript } : {}),
  })
  switch (end.kind) {
    case 'done':
      return end
    case 'failed':
      return { kind: 'failed', code: end.code, signal: null, own: { exitCode: end.exitCode ?? null, signal: end.signal ?? null } }
    case 'stopped':
      return KILLED
    case 'lost':
      return { kind: 'failed', code: end.exitCode ?? 0, signal: end.signal === null ? null : constants.signals[end.signal], own: end }
  }
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

function look(path: string): 'present' | 'absent' | { readonly reason: string } {
  try {
    return statSync(path, { throwIfNoEntry: false }) ? 'present' : 'absent'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') return 'absent'
    return { reason: `[Errno ${errnoOf(error)}] ${reasonOf(error)}` }
  }
}
