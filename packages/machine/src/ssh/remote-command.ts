import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { InstarError } from '@instar/contract/errors'
import type { RunOptions, RunResult } from '../machine.ts'
import { quoteWord } from './address.ts'
import type { SshConnection } from './connection.ts'
import { drain } from './drain.ts'

const [MARKED, RUN, STOP] = ['marked.sh', 'remote-run.sh', 'remote-stop.sh'].map(name =>
  readFileSync(new URL(name, import.meta.url), 'utf8'),
) as [string, string, string]
/** Linux takes no single argument of more than 128 KiB, and the other side's shell gets the whole command as one. */
const COMMAND_LINE_LIMIT = 120_000
const KILL_AFTER_MS = 2000
const LOST_HINT = 'The disks hold what was written until then. Is the machine up? Run again; what was left on it is taken away first.'
/** What ssh(1) itself ends with when the connection fails. */
const SSH_FAILED = 255

/** One command as it goes to the other side. */
export interface RemoteCommand {
  readonly id: string
  readonly machine: string
  readonly rule: 'end' | 'keep'
  readonly cwd: string
  readonly argv: readonly string[]
  /** The argv that results and errors show: without our additions. */
  readonly shown: readonly string[]
}

/** Runs a command on the other side to its end; a cancel or time limit ends all its processes there before it returns. */
export async function runOverSsh(connection: SshConnection, command: RemoteCommand, options: RunOptions): Promise<RunResult> {
  options.signal.throwIfAborted()
  const startedAt = new Date()
  const child = connection.start(commandLine(connection, RUN, [command.id, command.rule, command.cwd, ...command.argv]))
  // A command that ends before it has read all breaks the pipe, which is no failure.
  if (options.input !== undefined && child.stdin !== null) void pipeline(options.input, child.stdin).catch(() => undefined)
  else child.stdin?.end(options.stdin ?? '')
  const stop = createStop(connection, command, child)
  const timer = options.timeoutMs ? setTimeout(() => void stop.begin('timeout'), options.timeoutMs) : undefined
  const onAbort = () => void stop.begin('cancel')
  options.signal.addEventListener('abort', onAbort, { once: true })
  try {
    const [stdout, stderr] = await Promise.all([
      drain(child.stdout!, { onPiece: options.onStdout, captureBytes: options.captureBytes }),
      drain(child.stderr!, { onPiece: options.onStderr, captureBytes: undefined }),
      child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined,
    ])
    await stop.ended()
    options.signal.throwIfAborted()
    if (child.exitCode === SSH_FAILED) await throwIfLost(connection, command.machine)
    const timedOut = stop.reason() === 'timeout'
    return {
      argv: command.shown,
      exitCode: timedOut ? null : child.exitCode,
      signal: timedOut ? 'SIGTERM' : null,
      timedOut,
      startedAt,
      endedAt: new Date(),
      stdoutTail: stdout.tail,
      stderrTail: stderr.tail,
      stdout: stdout.whole,
      stdoutBytes: stdout.bytes,
      stderrBytes: stderr.bytes,
      survivors: [],
    }
  } catch (error) {
    // Nobody takes its output any more.
    await stop.begin('cancel')
    throw error
  } finally {
    clearTimeout(timer)
    options.signal.removeEventListener('abort', onAbort)
  }
}

/** A script of ours with its arguments, as root, for the other side's shell. */
function commandLine({ asRoot }: SshConnection, script: string, args: readonly string[]): string {
  const line = [...asRoot, 'sh', '-c', `${MARKED}${script}`, 'instar', ...args].map(quoteWord).join(' ')
  if (Buffer.byteLength(line) > COMMAND_LINE_LIMIT) {
    throw new InstarError('machine.request-too-big', `a command line of ${Buffer.byteLength(line)} bytes (limit ${COMMAND_LINE_LIMIT})`)
  }
  return line
}

/** Ends all processes of a command on the other side; one that has not begun yet will not. */
export async function endCommand(connection: SshConnection, id: string): Promise<void> {
  const killer = connection.start(commandLine(connection, STOP, [id]))
  killer.stdin?.end()
  killer.stdout?.resume()
  killer.stderr?.resume()
  await Promise.race([once(killer, 'exit'), connection.lost])
}

/** Ends all processes of a command on the other side, and then the local ssh. */
function createStop(connection: SshConnection, command: RemoteCommand, child: ChildProcess) {
  let reason: 'timeout' | 'cancel' | undefined
  let ended: Promise<void> = Promise.resolve()
  const end = async () => {
    await endCommand(connection, command.id)
    const hard = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS)
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    clearTimeout(hard)
  }
  return {
    begin: (why: 'timeout' | 'cancel') => {
      const hasEnded = child.exitCode !== null || child.signalCode !== null
      if (reason === undefined && !hasEnded) {
        reason = why
        ended = end()
      }
      return ended
    },
    reason: () => reason,
    ended: () => ended,
  }
}

async function throwIfLost(connection: SshConnection, machine: string): Promise<void> {
  const words = await Promise.race([connection.lost, sleep(KILL_AFTER_MS, undefined, { ref: false })])
  if (words === undefined) return
  throw new InstarError('machine.lost', `the connection to ${machine} ended`, { cause: new Error(words), hint: LOST_HINT })
}
