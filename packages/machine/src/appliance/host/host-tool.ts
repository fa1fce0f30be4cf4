import { spawn } from 'node:child_process'
import { InstarError } from '@instar/contract'
import { dyingWithUs } from '../../dying-with-us.ts'

const TAIL_BYTES = 4096

/** From SIGTERM to SIGKILL when the caller cancels. */
const STOP_GRACE_MS = 5_000

/** Programs of the system only, with messages in one language. */
export const HOST_ENV = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' }

interface HostToolOptions {
  readonly signal: AbortSignal
  /** The Debian package that brings the program. */
  readonly package: string
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: Uint8Array | string
  readonly onStdout?: (piece: Buffer) => void
  readonly onStderr?: (text: string) => void
  /** Unpackers complain about what follows the compressed stream of a kernel: the caller judges by what came out. */
  readonly mayFail?: boolean
}

/**
 * Runs a program of this host that dies with us. A missing one throws `machine.missing-tool`, a failing one `machine.build-failed` with the
 * end of what it said.
 */
export async function runHostTool(argv: readonly [string, ...string[]], options: HostToolOptions): Promise<void> {
  options.signal.throwIfAborted()
  const child = spawn('setpriv', dyingWithUs(argv), {
    env: { ...HOST_ENV, ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const ended = Promise.withResolvers<number | NodeJS.Signals | null>()
  // SIGTERM first: mmdebstrap then ends what it started.
  const stop = () => {
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS).unref()
    // Not at 'close', which may wait for what it started.
    child.once('exit', (code, signal) => ended.resolve(code ?? signal))
  }
  options.signal.addEventListener('abort', stop, { once: true })
  let tail = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-TAIL_BYTES)
    options.onStderr?.(text)
  })
  child.stdout.on('data', (piece: Buffer) => options.onStdout?.(piece))
  // A program that does not read its stdin tells so by its exit code.
  child.stdin.on('error', () => {})
  child.stdin.end(options.stdin ?? '')
  child.once('close', (code, signal) => ended.resolve(code ?? signal))
  child.once('error', error => ended.reject(missing('setpriv', 'util-linux', error)))
  try {
    const status = await ended.promise
    options.signal.throwIfAborted()
    if (status === 127) throw missing(argv[0], options.package, new Error(tail.trim()))
    if (status !== 0 && options.mayFail !== true) {
      throw new InstarError('machine.build-failed', `${argv[0]} ended with ${status}: ${withoutTalk(tail)}`, { details: { argv, status } })
    }
  } finally {
    options.signal.removeEventListener('abort', stop)
  }
}

/** Without what a program says of its work (mmdebstrap: `I: ...`) before it tells what is wrong. */
function withoutTalk(tail: string): string {
  return tail.replaceAll(/^I: .*\n/gm, '').trim()
}

function missing(program: string, packageName: string, cause: Error): InstarError {
  return new InstarError('machine.missing-tool', `the program ${program} is not installed`, {
    cause,
    details: { program, package: packageName },
    hint: `Install it: apt-get install ${packageName}`,
  })
}
