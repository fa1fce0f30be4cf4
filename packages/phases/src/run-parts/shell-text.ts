import type { ScriptStart } from './starter.ts'
import { quote, type WordBook } from './word-book.ts'

/** Descriptors of the driver, high so that `exec 3>file` in an environment file does not meet them: the scripts' stdin and stderr, the channel. */
const STDIN = 250
const CHANNEL = 251
const STDERR = 252
const HIDDEN = `${STDIN}<&- ${CHANNEL}>&- ${STDERR}>&-`

/** The exit code of a script that could not join its cgroup. */
export const NO_CGROUP = 125

/** Which of the standard streams the scripts find closed. */
export type ClosedStreams = readonly number[]

/**
 * The beginning of what the driver reads from its stdin, where every later command comes from as well; the scripts' stdin is its descriptor 3,
 * the channel 4. In the channel it finds the paths of environment files, each ended by NUL, then an empty one. It answers there by lines that
 * begin with @; what else appears is what bash says about the scripts ("Killed").
 *
 * The environment files are sourced in one call of a function, traced, under errexit, nounset and pipefail, as scripts of this trade expect;
 * afterwards the options and the traps that would act on the driver's own commands are put back, so that a failing script is always seen.
 * All this cannot be the text of `bash -c`, which complains of its own stack when errexit ends a file that a function sources (bash 5.2).
 */
export function driverText(options: { readonly closed: ClosedStreams; readonly keepsTrace: boolean }): string {
  const { closed, keepsTrace } = options
  return `exec ${closed.includes(0) ? '' : `${STDIN}<&3 3<&- `}${CHANNEL}>&4 4>&-${closed.includes(1) ? ' 1>&-' : ''}${closed.includes(2) ? ' 2>&-' : ''}
__instar_source() {
  while IFS= read -r -d '' -u ${CHANNEL} __instar_file && [ -n "$__instar_file" ]; do
    set -eu -o pipefail
    set -x
    source "$__instar_file" ${stdinFor(closed)} ${HIDDEN}
    set +o xtrace
    echo @s >&${CHANNEL}
  done
}
__instar_source
set +aeu +o pipefail${keepsTrace ? '' : ' +xv'}
trap - DEBUG ERR RETURN
trap : INT QUIT HUP TERM
exec ${closed.includes(2) ? '' : `${STDERR}>&2 `}2>&${CHANNEL}
__instar_run() { set -- "$1" "$EPOCHREALTIME"; "$1" ${stdinFor(closed)} ${stderrFor(closed)} ${HIDDEN}; __instar_report $? "$2"; }
__instar_kept() { set -- "$EPOCHREALTIME" "$@"; ( export "\${@:5}"; exec "$2" ) ${stdinFor(closed)} >>"$3" 2>>"$4" ${HIDDEN}; __instar_report $? "$1"; }
__instar_report() { set -- "$@" "$EPOCHREALTIME"; times >&${CHANNEL}; printf '@e %d %s %s\\n' "$@" >&${CHANNEL}; }
echo @r >&${CHANNEL}
`
}

/** The command that makes the driver start a script and report its end. */
export function startText(script: ScriptStart, closed: ClosedStreams, book: WordBook): string {
  const kept = keptText(script, book)
  if (kept !== undefined) return `${book.takeDefinitions()}${kept}\n`
  const { environment, stdin, stdout, stderr, cgroup } = script
  // A name that begins with a hyphen would be an option to the interpreter.
  const path = quote(script.path.startsWith('-') ? `./${script.path}` : script.path)
  if (!environment && stdin === undefined && stdout === undefined && stderr === undefined && cgroup === undefined)
    return `__instar_run ${path}\n`
  const inside = [
    ...(cgroup === undefined ? [] : [`echo 0 >${quote(`${cgroup}/cgroup.procs`)} || exit ${NO_CGROUP}`]),
    ...Object.entries(environment ?? {}).map(([name, value]) => (value === null ? `unset ${name}` : `export ${name}=${quote(value)}`)),
  ]
  const redirections = [
    stdin === undefined ? stdinFor(closed) : `<${quote(stdin)}`,
    ...(stdout === undefined ? [] : [`>>${quote(stdout)}`]),
    stderr === undefined ? stderrFor(closed) : `2>>${quote(stderr)}`,
    HIDDEN,
  ].join(' ')
  const command = inside.length === 0 ? path : `( ${inside.join('; ')}; exec ${path} )`
  return `__instar_started=$EPOCHREALTIME; ${command} ${redirections}; __instar_report $? "$__instar_started"\n`
}

/** The short form for a script whose output goes to files: those who keep records start every script so. */
function keptText({ path, environment, stdin, stdout, stderr, cgroup }: ScriptStart, book: WordBook): string | undefined {
  const variables = Object.entries(environment ?? {})
  if (stdout === undefined || stderr === undefined || stdin !== undefined || cgroup !== undefined) return undefined
  if (variables.length === 0 || variables.some(([, value]) => value === null) || !path.includes('/')) return undefined
  const at = path.lastIndexOf('/') + 1
  const words = variables.map(([name, value]) => `${name}=${quote(value ?? '')}`)
  return ['__instar_kept', `${book.word(path.slice(0, at))}${quote(path.slice(at))}`, book.word(stdout), book.word(stderr), ...words].join(
    ' ',
  )
}

/** The command that takes the driver back to the folder of a process, with the variables that cd changes as they were. */
export function returnText(pid: number, variables: Readonly<Record<'PWD' | 'OLDPWD', string | undefined>>): string {
  const restored = Object.entries(variables).map(([name, value]) => (value === undefined ? `unset ${name}` : `${name}=${quote(value)}`))
  return `builtin cd -P -- /proc/${pid}/cwd; ${restored.join('; ')}\n`
}

function stdinFor(closed: ClosedStreams): string {
  return closed.includes(0) ? '<&-' : `<&${STDIN}`
}

function stderrFor(closed: ClosedStreams): string {
  return closed.includes(2) ? '2>&-' : `2>&${STDERR}`
}
