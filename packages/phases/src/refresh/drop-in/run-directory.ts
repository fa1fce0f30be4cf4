import { statSync } from 'node:fs'
import { constants } from 'node:os'
import { signalName } from '../../run-parts/driver-report.ts'
import type { LocalTime } from '../../run-parts/local-time.ts'
import type { Messages } from '../../run-parts/messages.ts'
import { usageText } from '../../run-parts/messages.ts'
import { runParts } from '../../run-parts/run-parts.ts'
import type { Stream } from '../../run-parts/starter.ts'
import { errnoOf, reasonOf } from '../../run-parts/system-error.ts'
import { writeAll } from '../../run-parts/write-all.ts'
import type { Log } from './log-lines.ts'
import { runForeign } from './run-foreign.ts'
import type { TimeLimit } from './time-limit.ts'

export const RUNNER = 'dib-run-parts'
const STDERR = 2

export interface RefreshWorld {
  readonly base: string
  readonly environment: NodeJS.ProcessEnv
  readonly stdio: readonly [Stream, Stream, Stream]
  /** Descriptors of ours that nothing that we start shall get. */
  readonly withheld: readonly number[]
  readonly log: Log
  readonly say: Messages
  readonly time: LocalTime
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
  /** After a signal: resolves when all that it was passed on to has ended. */
  readonly whenPassedOn: () => Promise<void>
  readonly foreignRunner: string | undefined
}

export type DirectoryEnd =
  | { readonly kind: 'done' }
  /** `code`, or `signal` when the runner died of one. `own`: how the script, or whatever failed, ended. */
  | {
      readonly kind: 'failed'
      readonly code: number
      readonly signal: number | null
      readonly own?: { readonly exitCode: number | null; readonly signal: string | null }
    }

const KILLED: DirectoryEnd = { kind: 'failed', code: 0, signal: constants.signals.SIGKILL }

interface DirectoryOptions {
  readonly onScript?: (name: string) => void
  readonly environment?: NodeJS.ProcessEnv
}

/** Runs one directory by the runner inside or by a foreign one; a run that is cut by the time limit ends as if its runner had been killed. */
export async function runDirectory(world: RefreshWorld, directory: string, more: DirectoryOptions): Promise<DirectoryEnd> {
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
  const environment = { ...world.environment, ...extraEnvironment }
  const end = await runForeign({ program, directory, environment }, world.onShell)
  // The runner does not wait for its script then, as our shell does.
  if (world.isStopped()) await world.whenPassedOn()
  if (end.kind === 'not-started') {
    world.log('ERROR', `Cannot start ${program}. ${end.reason}`)
    return { kind: 'failed', code: 1, signal: null, own: { exitCode: 1, signal: null } }
  }
  const { exitCode, signal } = end
  if (signal !== null) return { kind: 'failed', code: 0, signal, own: { exitCode: null, signal: signalName(signal) ?? null } }
  return exitCode === 0 ? { kind: 'done' } : { kind: 'failed', code: exitCode, signal, own: { exitCode, signal } }
}

async function runOwnDirectory(world: RefreshWorld, directory: string, more: DirectoryOptions): Promise<DirectoryEnd> {
  if (look(directory) === 'present' && !statSync(directory).isDirectory()) {
    world.say(`Scripts directory [${directory}] must exist and be a directory`)
    writeAll(STDERR, usageText(RUNNER))
    return { kind: 'failed', code: 1, signal: null, own: { exitCode: 1, signal: null } }
  }
  const end = await runParts({
    directory,
    environment: world.environment,
    extraEnvironment: more.environment ?? {},
    name: RUNNER,
    stdio: world.stdio,
    withheld: world.withheld,
    say: world.say,
    time: world.time,
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

/** Whether there is something at a path, links followed; the reason where that cannot be told. */
export function look(path: string): 'present' | 'absent' | { readonly reason: string } {
  try {
    return statSync(path, { throwIfNoEntry: false }) ? 'present' : 'absent'
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') return 'absent'
    return { reason: `[Errno ${errnoOf(error)}] ${reasonOf(error)}` }
  }
}
