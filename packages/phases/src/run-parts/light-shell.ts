import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import type { ScriptStart, StarterOptions } from './starter.ts'
import { quote, type WordBook } from './word-book.ts'

/**
 * The small shell that takes the place of bash once the environment files have been sourced: it is a third of bash's size, and so a script is
 * started by it in two thirds of the time. It cannot carry exported functions and odd names on, runs text without an interpreter line by
 * itself, and counts processor time in clock ticks (10 ms).
 */
const DASH = ['/bin/dash', '/usr/bin/dash']

/** Its redirections take one digit: the scripts' stdin and stderr, the channel. */
const STDIN = 7
const CHANNEL = 8
const STDERR = 9
const HIDDEN = `${STDIN}<&- ${CHANNEL}>&- ${STDERR}>&-`

/** Of a file so much is looked at to tell text from a program. */
const HEAD_BYTES = 256

/** The program of the small shell, where there is one and the environment is such that nothing of it would be lost. */
export function lightShellFor({ environment, stdio }: StarterOptions): string | undefined {
  const isPlain = Object.keys(environment).every(name => /^[A-Za-z_]\w*$/.test(name))
  return isPlain && stdio?.includes('closed') !== true ? DASH.find(existsSync) : undefined
}

/** The command by which bash becomes the small shell; it answers @l, or @b when an environment file has exported a function. */
export function becomeText(program: string, from: { stdin: number; channel: number; stderr: number }): string {
  const moved = `${STDIN}<&${from.stdin} ${CHANNEL}>&${from.channel} ${STDERR}>&${from.stderr}`
  const closed = `${from.stdin}<&- ${from.channel}>&- ${from.stderr}>&-`
  return `if [ -z "$(declare -Fx)" ]; then echo @l >&${from.channel}; exec -a "$0" ${program} -s ${moved} ${closed}; fi; echo @b >&${from.channel}\n`
}

/** What the small shell reads first; it answers @r. */
export function lightDriverText(): string {
  return `trap : INT QUIT PIPE TERM HUP USR1
__instar_report() { { times; printf '@e %d  \\n' "$1"; } >&${CHANNEL}; }
echo @r >&${CHANNEL}
`
}

/** The command that makes the small shell start a script whose output goes to files, and report its end. */
export function lightStartText({ path, environment, stdin, stdout, stderr }: ScriptStart, book: WordBook): string {
  const variables = Object.entries(environment ?? {})
  const names = variables.map(([name], index) => `export ${name}="\${${index + 4}}"; `).join('')
  const command = `${names}exec ${hasNoInterpreter(path) ? 'bash ' : ''}"$1"`
  const from = stdin === undefined ? `&${STDIN}` : quote(stdin)
  // In a subshell: the redirections of a plain command would be those of the shell's own word about its death ("Killed") as well.
  const name = book.command(`{ ( ${command} ) <${from} >>"$2" 2>>"$3" ${HIDDEN}; __instar_report $?; }`)
  const at = path.lastIndexOf('/') + 1
  const words = variables.map(([, value]) => quote(value ?? ''))
  const start = `${book.word(path.slice(0, at))}${quote(path.slice(at))}`
  const line = [name, start, book.word(stdout ?? '/dev/null'), book.word(stderr ?? '/dev/null'), ...words].join(' ')
  return `${book.takeDefinitions()}${line}\n`
}

/** Whether this is text that the kernel will not start: bash is to run it, as it does when it starts such a file itself. */
function hasNoInterpreter(path: string): boolean {
  try {
    const fd = openSync(path, 'r')
    const buffer = Buffer.alloc(HEAD_BYTES)
    try {
      const head = buffer.toString('latin1', 0, readSync(fd, buffer, 0, HEAD_BYTES, 0))
      return !head.startsWith('#!') && !head.includes('\0')
    } finally {
      closeSync(fd)
    }
  } catch {
    // What may not be read is a program, or fails in its own way.
    return false
  }
}
