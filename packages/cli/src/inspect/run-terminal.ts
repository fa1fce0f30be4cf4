import { once } from 'node:events'
import type { Machine } from '@instar/machine'
import type { Context } from '../context.ts'

/** Where the shell notes its terminal, so that a new size of ours can be given to it. */
const TTY_FILE = '/run/instar-shell-tty'
const SHELL = `tty >${TTY_FILE}; stty "$@"; exec bash`

/**
 * An interactive shell on the machine: a terminal of its own there, which gets every key as it is (Ctrl-C goes to the program there), and the
 * size of ours. Gives the exit code of the shell.
 */
export async function runTerminal(context: Context, machine: Machine, { cwd }: { cwd: string }): Promise<number> {
  const { stdin } = process
  const { signal } = context
  const done = new AbortController()
  const resized = followSize(machine, AbortSignal.any([signal, done.signal]))
  stdin.setRawMode(true)
  try {
    // script(1) echoes what it gets only when asked, as its own input is no terminal. The command line is a text for the shell.
    const shell = `sh -c '${SHELL}' sh ${sizeNow()}`
    const result = await machine.run(['script', '--quiet', '--return', '--echo', 'always', '--command', shell, '/dev/null'], {
      signal,
      cwd,
      env: { TERM: context.env['TERM'] ?? 'linux' },
      input: keys(done.signal),
      onStdout: piece => context.stdout.writeBytes(piece),
      onStderr: piece => context.stderr.writeBytes(piece),
    })
    return result.exitCode ?? 128
  } finally {
    done.abort()
    stdin.setRawMode(false)
    // It still reads, and would keep the process.
    stdin.unref()
    await resized
  }
}

/** What is typed, until the shell has ended. The stream itself stays open: a cancel must not have to wait for one more key. */
async function* keys(signal: AbortSignal): AsyncGenerator<Buffer> {
  while (!signal.aborted) {
    const piece = process.stdin.read() as Buffer | null
    if (piece !== null) yield piece
    else if (!(await once(process.stdin, 'readable', { signal }).then(Boolean, () => false)) || process.stdin.readableEnded) return
  }
}

/** Tells the terminal there each new size of ours, also one that came while an earlier one was told. */
async function followSize(machine: Machine, signal: AbortSignal): Promise<void> {
  let told = sizeNow()
  while (!signal.aborted) {
    const size = sizeNow()
    if (size === told) await once(process.stdout, 'resize', { signal }).catch(() => undefined)
    else await machine.run(['sh', '-c', `exec stty -F "$(cat ${TTY_FILE})" ${size}`], { signal }).catch(() => undefined)
    told = size
  }
}

function sizeNow(): string {
  const [columns, rows] = process.stdout.getWindowSize()
  return `rows ${rows} cols ${columns}`
}
