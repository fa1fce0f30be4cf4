import { constants } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { InstarError } from '@instar/contract'
import type { RunOptions, RunResult } from '../../machine.ts'
import type { Channel } from './channel.ts'
import { type CommandEnd, WINDOW_BYTES, encodeCancel, encodeCredit, encodeSignal, encodeStdin, encodeStdinEnd } from './messages.ts'
import { OutputStream } from './output-stream.ts'

/** What a command finds in its environment besides `env`: no udev runs, so device-mapper must make its nodes itself. */
const BASE_ENV = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  LC_ALL: 'C',
  TERM: 'dumb',
  DM_DISABLE_UDEV: '1',
}

/** From SIGTERM to SIGKILL at a time limit, and from SIGKILL to giving up what its output handlers still hold. */
const KILL_GRACE_MS = 2_000
/** A cancelled command is dead within milliseconds; a process that hangs in the kernel must not hold up the caller. */
const CANCEL_WAIT_MS = 5_000
const STDIN_PIECE_BYTES = 64 * 1024

/** Runs a command through the agent. The first word '' is one of the agent's own jobs. */
export async function runCommand(channel: Channel, argv: readonly string[], options: RunOptions): Promise<RunResult> {
  options.signal.throwIfAborted()
  if (argv.length === 0) throw new InstarError('machine.bad-request', 'a command needs at least one word')
  const command = new RunningCommand(channel, argv, options)
  return await command.finished()
}

class RunningCommand {
  readonly #channel: Channel
  readonly #argv: readonly string[]
  readonly #options: RunOptions
  readonly #id: number
  readonly #startedAt = new Date()
  readonly #stdout: OutputStream
  readonly #stderr: OutputStream
  readonly #captured: Buffer[] = []
  readonly #end = Promise.withResolvers<CommandEnd>()
  /** Rejects when the caller shall get an error instead of a result. */
  readonly #failure = Promise.withResolvers<never>()
  readonly #overdue = Promise.withResolvers<void>()
  #stdinCredit = WINDOW_BYTES
  #stdinWaiter: (() => void) | undefined
  #hasEnded = false
  #timedOut = false
  /** Why there is an error instead of a result, once that is decided. */
  #cancelled: { readonly reason: unknown } | undefined

  constructor(channel: Channel, argv: readonly string[], options: RunOptions) {
    this.#channel = channel
    this.#argv = argv
    this.#options = options
    this.#stdout = this.#openStream('stdout', piece => this.#onStdout(piece))
    this.#stderr = this.#openStream('stderr', options.onStderr)
    this.#failure.promise.catch(() => {})
    this.#end.promise.catch(() => {})
    const request = {
      argv,
      cwd: options.cwd ?? '/',
      keepSurvivors: options.survivors === 'keep',
      hasStdin: options.stdin !== undefined || options.input !== undefined,
      env: { ...BASE_ENV, ...options.env },
    }
    this.#id = channel.start(request, {
      onOutput: (stream, piece) => (stream === 'stdout' ? this.#stdout : this.#stderr).push(piece),
      onStdinCredit: bytes => this.#onStdinCredit(bytes),
      onEnd: end => this.#onEnd(end),
      onLost: error => this.#onLost(error),
    })
  }

  async finished(): Promise<RunResult> {
    const { signal, stdin, input, timeoutMs } = this.#options
    const onAbort = () => this.#cancel(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const timers = new AbortController()
    try {
      if (timeoutMs !== undefined && timeoutMs > 0) void this.#limitTime(timeoutMs, timers.signal)
      const pieces = input ?? (stdin === undefined ? undefined : [Buffer.from(stdin)])
      if (pieces !== undefined) this.#feed(pieces).catch((error: unknown) => this.#cancel(error))
      const end = await Promise.race([this.#end.promise, this.#failure.promise])
      const drained = Promise.all([this.#stdout.drained(), this.#stderr.drained()])
      await Promise.race([drained, this.#overdue.promise, this.#failure.promise])
      if (this.#cancelled !== undefined) throw this.#cancelled.reason
      return this.#result(end)
    } finally {
      timers.abort()
      signal.removeEventListener('abort', onAbort)
      this.#stdout.stop()
      this.#stderr.stop()
    }
  }

  #openStream(name: 'stdout' | 'stderr', onPiece: RunOptions['onStdout']): OutputStream {
    return new OutputStream({
      onPiece,
      grant: bytes => {
        if (!this.#hasEnded) this.#channel.send(encodeCredit(this.#id, name, bytes))
      },
      onError: error => this.#cancel(error),
    })
  }

  #onStdout(piece: Buffer): void | Promise<void> {
    const { captureBytes, onStdout } = this.#options
    if (captureBytes !== undefined) {
      if (this.#stdout.bytes > captureBytes) {
        throw new InstarError('machine.too-much-output', `${this.#argv[0]} wrote more than the ${captureBytes} bytes asked for`, {
          details: { argv: this.#argv, captureBytes },
        })
      }
      this.#captured.push(piece)
    }
    return onStdout?.(piece)
  }

  #onStdinCredit(bytes: number): void {
    this.#stdinCredit += bytes
    this.#stdinWaiter?.()
  }

  #onEnd(end: CommandEnd): void {
    this.#hasEnded = true
    this.#stdinWaiter?.()
    this.#end.resolve(end)
  }

  #onLost(error: Error): void {
    this.#hasEnded = true
    this.#stdinWaiter?.()
    this.#failure.reject(error)
  }

  /** Ends the command and everything it started; the caller gets the reason once it is dead. */
  #cancel(reason: unknown): void {
    this.#cancelled ??= { reason }
    this.#channel.send(encodeCancel(this.#id))
    this.#stdout.stop()
    this.#stderr.stop()
    void Promise.race([this.#end.promise, sleep(CANCEL_WAIT_MS, undefined, { ref: false })]).finally(() => this.#failure.reject(reason))
  }

  async #limitTime(timeoutMs: number, signal: AbortSignal): Promise<void> {
    try {
      await sleep(timeoutMs, undefined, { signal })
      // Who is slow to take its last output has all the time there is.
      if (this.#hasEnded) return
      this.#timedOut = true
      this.#channel.send(encodeSignal(this.#id, constants.signals.SIGTERM))
      await sleep(KILL_GRACE_MS, undefined, { signal })
      this.#channel.send(encodeSignal(this.#id, constants.signals.SIGKILL))
      await sleep(KILL_GRACE_MS, undefined, { signal })
      this.#channel.send(encodeCancel(this.#id))
      this.#overdue.resolve()
    } catch {
      // The command ended in time.
    }
  }

  async #feed(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    for await (const piece of pieces) {
      if (this.#hasEnded) return
      await this.#feedPiece(piece)
    }
    if (!this.#hasEnded) this.#channel.send(encodeStdinEnd(this.#id))
  }

  async #feedPiece(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#hasEnded;) {
      const size = Math.min(STDIN_PIECE_BYTES, bytes.length - at, this.#stdinCredit)
      if (size === 0) {
        await new Promise<void>(resolve => {
          this.#stdinWaiter = resolve
        })
        continue
      }
      this.#channel.send(encodeStdin(this.#id, bytes.subarray(at, at + size)))
      this.#stdinCredit -= size
      at += size
    }
  }

  #result(end: CommandEnd): RunResult {
    return {
      argv: this.#argv,
      exitCode: end.signalNumber === 0 ? end.exitCode : null,
      signal: signalName(end.signalNumber),
      timedOut: this.#timedOut,
      startedAt: this.#startedAt,
      endedAt: new Date(),
      stdoutTail: this.#stdout.tail(),
      stderrTail: this.#stderr.tail(),
      stdout: Buffer.concat(this.#captured),
      stdoutBytes: this.#stdout.bytes,
      stderrBytes: this.#stderr.bytes,
      survivors: end.survivors,
    }
  }
}

function signalName(number: number): NodeJS.Signals | null {
  const found = Object.entries(constants.signals).find(([, value]) => value === number)
  // Node names every signal below 32; real-time signals have no name there and end a process like SIGTERM.
  return number === 0 ? null : ((found?.[0] as NodeJS.Signals | undefined) ?? 'SIGTERM')
}
