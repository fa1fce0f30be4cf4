import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { InstarError } from '@instar/contract/errors'
import type { RunOptions, RunResult } from '../machine.ts'
import { quoteWord } from './address.ts'
import type { SshConnection } from './connection.ts'

const REMOTE_RUN = readFileSync(new URL('./remote-run.sh', import.meta.url), 'utf8')
const TAIL_BYTES = 4096
const KILL_AFTER_MS = 2000
/** What ssh(1) itself ends with when the connection fails. */
const SSH_FAILED = 255

/** One command as it goes to the other side. */
export interface RemoteCommand {
  readonly id: string
  readonly machine: string
  readonly asRoot: readonly string[]
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
  const words = [...command.asRoot, 'sh', '-c', REMOTE_RUN, 'instar-run', command.id, command.rule, command.cwd, ...command.argv]
  const child = connection.start(words.map(quoteWord).join(' '))
  child.stdin?.on('error', () => undefined).end(options.stdin ?? '')
  const stop = stopper(connection, command, child)
  const limit =
    options.timeoutMs === undefined || options.timeoutMs === 0 ? undefined : setTimeout(() => void stop('timeout'), options.timeoutMs)
  const onAbort = () => void stop('cancel')
  options.signal.addEventListener('abort', onAbort, { once: true })
  try {
    const [stdout, stderr] = await Promise.all([
      drain(child.stdout!, { onPiece: options.onStdout, captureBytes: options.captureBytes }),
      drain(child.stderr!, { onPiece: options.onStderr, captureBytes: undefined }),
      child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined,
    ])
    await stop.done()
    options.signal.throwIfAborted()
    if (child.exitCode === SSH_FAILED) await throwIfLost(connection, command.machine)
    return {
      argv: command.shown,
      exitCode: stop.reason() === 'timeout' ? null : child.exitCode,
      signal: stop.reason() === 'timeout' ? 'SIGTERM' : null,
      timedOut: stop.reason() === 'timeout',
      startedAt,
      endedAt: new Date(),
      stdoutTail: stdout.tail,
      stderrTail: stderr.tail,
      stdout: stdout.whole,
      stdoutBytes: stdout.bytes,
      stderrBytes: stderr.bytes,
      survivors: [],
    }
  } finally {
    clearTimeout(limit)
    options.signal.removeEventListener('abort', onAbort)
  }
}

/** Ends all processes of a command on the other side, by their mark, and then the local ssh. */
function stopper(connection: SshConnection, command: RemoteCommand, child: ChildProcess) {
  let reason: 'timeout' | 'cancel' | undefined
  let done: Promise<void> = Promise.resolve()
  const end = async () => {
    const script = `for s in TERM KILL; do p=$(grep -lzx "INSTAR_MARK=$1" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3); [ -z "$p" ] || kill -s $s $p; sleep 0.5; done`
    const killer = connection.start([...command.asRoot, 'sh', '-c', script, 'sh', command.id].map(quoteWord).join(' '))
    killer.stdin?.end()
    await Promise.race([once(killer, 'exit'), connection.lost])
    const hard = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS)
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    clearTimeout(hard)
  }
  const stop = (why: 'timeout' | 'cancel') => {
    if (reason === undefined) {
      reason = why
      done = end()
    }
    return done
  }
  return Object.assign(stop, { reason: () => reason, done: () => done })
}

async function throwIfLost(connection: SshConnection, machine: string): Promise<void> {
  const words = await Promise.race([connection.lost, sleep(KILL_AFTER_MS, undefined, { ref: false })])
  if (words !== undefined) throw new InstarError('machine.lost', `the connection to ${machine} ended`, { cause: new Error(words) })
}

/** Reads a stream to its end, a piece at a time: the next one is taken only when the last was dealt with. */
async function drain(
  stream: Readable,
  to: { onPiece: RunOptions['onStdout']; captureBytes: number | undefined },
): Promise<{ tail: string; whole: Buffer; bytes: number }> {
  let tail = Buffer.alloc(0)
  let bytes = 0
  const pieces: Buffer[] = []
  for await (const piece of stream as AsyncIterable<Buffer>) {
    bytes += piece.length
    tail = Buffer.concat([tail, piece]).subarray(-TAIL_BYTES)
    if (to.captureBytes !== undefined) {
      if (bytes > to.captureBytes)
        throw new InstarError('machine.too-much-output', `the command printed more than ${to.captureBytes} bytes`)
      pieces.push(piece)
    }
    await to.onPiece?.(piece)
  }
  return { tail: tail.toString(), whole: Buffer.concat(pieces), bytes }
}
