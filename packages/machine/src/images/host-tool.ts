import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { InstarError } from '@instar/contract'
import { dyingWithUs } from '../dying-with-us.ts'

export interface ToolOptions {
  readonly signal: AbortSignal
  readonly timeoutMs?: number
  /** Limit of address space: a hostile header must not take the host's memory. */
  readonly memoryBytes?: number
  /** Descriptors that the tool inherits, so that a lock lives as long as the tool does. */
  readonly holdFds?: readonly number[]
  readonly onStdout?: (text: string) => void
}

export interface ToolResult {
  readonly argv: readonly string[]
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly timedOut: boolean
  readonly stdout: string
  readonly stderr: string
  readonly wallMs: number
}

/** Tools of the system only, and messages in the language that `toolError` reads. */
export const TOOL_ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }
/** A map of a badly fragmented disk is the largest answer; more than this is not one. */
const MAX_STDOUT_BYTES = 256 * 1024 * 1024
const STDERR_TAIL_BYTES = 4096

/**
 * Runs a tool on the host, which dies with us (parent-death signal). Its failure is a result; throws when the signal is aborted
 * (its reason) or the tool is not installed (`image.tool-missing`).
 */
export async function runTool(argv: readonly string[], options: ToolOptions): Promise<ToolResult> {
  options.signal.throwIfAborted()
  const startedAt = performance.now()
  const limit = options.memoryBytes === undefined ? [] : ['prlimit', `--as=${options.memoryBytes}`, '--']
  const held = options.holdFds ?? []
  const child = spawn('setpriv', dyingWithUs([...limit, ...argv]), {
    stdio: ['ignore', 'pipe', 'pipe', ...held],
    env: TOOL_ENV,
    // Ctrl-C on a terminal is for us: a commit that has begun goes on.
    detached: true,
  })
  const ended = new Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal }))
    child.once('error', cause => reject(new InstarError('image.tool-missing', 'setpriv could not be started', { cause })))
  })

  let timedOut = false
  const stop = () => child.kill('SIGKILL')
  const timer = options.timeoutMs === undefined ? undefined : setTimeout(() => (timedOut = stop()), options.timeoutMs)
  options.signal.addEventListener('abort', stop, { once: true })
  try {
    const output = collectOutput(child.stdout as Readable, child.stderr as Readable, { onStdout: options.onStdout, stop })
    const { exitCode, signal } = await ended
    options.signal.throwIfAborted()
    requireInstalled(argv, exitCode, output.stderr())
    return { argv, exitCode, signal, timedOut, stdout: output.stdout(), stderr: output.stderr(), wallMs: performance.now() - startedAt }
  } finally {
    clearTimeout(timer)
    options.signal.removeEventListener('abort', stop)
  }
}

interface Collector {
  readonly onStdout: ((text: string) => void) | undefined
  readonly stop: () => void
}

function collectOutput(stdout: Readable, stderr: Readable, { onStdout, stop }: Collector) {
  const pieces: Buffer[] = []
  let bytes = 0
  let tail = Buffer.alloc(0)
  stdout.on('data', (piece: Buffer) => {
    bytes += piece.byteLength
    if (bytes > MAX_STDOUT_BYTES) return stop()
    if (onStdout === undefined) pieces.push(piece)
    else onStdout(piece.toString('latin1'))
  })
  stderr.on('data', (piece: Buffer) => (tail = Buffer.concat([tail, piece]).subarray(-STDERR_TAIL_BYTES)))
  return { stdout: () => Buffer.concat(pieces).toString('utf8'), stderr: () => tail.toString('utf8') }
}

function requireInstalled(argv: readonly string[], exitCode: number | null, stderr: string): void {
  if (exitCode === 127 && /(setpriv|prlimit): failed to execute|exec: .*: not found/.test(stderr)) {
    throw new InstarError('image.tool-missing', `${argv[0]} is not installed`, { details: { argv, stderr } })
  }
}
