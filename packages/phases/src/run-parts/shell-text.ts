import type { ScriptSeries, ScriptStart } from './starter.ts'
import { quote, type WordBook } from './word-book.ts'

/** Descriptors of the driver, high so that `exec 3>file` in an environment file does not meet them: the scripts' stdin and stderr, the channel. */
const STDIN = 250
const CHANNEL = 251
const STDERR = 252
/** So many files must be allowed to be open for them. */
export const NEEDED_FILES = STDERR + 1
export const DRIVER_STREAMS = { stdin: STDIN, channel: CHANNEL, stderr: STDERR }
const DRIVER_DESCRIPTORS: readonly number[] = Object.values(DRIVER_STREAMS)
/** After an environment file: what it has made of stdin is the scripts'. */
const KEEP_STDIN = `[ ! -e /proc/self/fd/0 ] || command exec ${STDIN}<&0;`
const HIDDEN = `${STDIN}<&- ${CHANNEL}>&- ${STDERR}>&-`

/** Which of the standard streams the scripts find closed. */
export type ClosedStreams = readonly number[]

/**
 * The beginning of what the driver reads from its stdin, where every later command comes from as well; the scripts' stdin is its descriptor 3,
 * the channel 4. In the channel it finds the paths of environment files, each ended by NUL, then an empty one. It answers there by lines that
 * begin with @, of which @n says that the limit of open files is too low for its descriptors (then it waits for the end of its stdin); what else
 * appears is what bash says about the scripts ("Killed").
 *
 * The environment files are sourced in one call of a function, traced, under errexit, nounset and pipefail, as scripts of this trade expect;
 * each starts where we are, whatever the one before did; afterwards the options and the traps that would act on the driver's own commands are put
 * back, so that a failing script is always seen. A function that is called exec is dropped: `builtin exec` would not keep our redirections.
 * A file that forbids bash to execute commands ends the loop, whose condition then counts as met, and makes it stumble over a line that it reads
 * as a command only then.
 * All this cannot be the text of `bash -c`, which complains of its own stack when errexit ends a file that a function sources (bash 5.2).
 */
export function driverText(options: {
  readonly closed: ClosedStreams
  readonly withheld: readonly number[]
  readonly keepsTrace: boolean
}): string {
  const { closed, withheld, keepsTrace } = options
  const unwanted = [...closed.filter(fd => fd > 0), ...withheld.filter(fd => !DRIVER_DESCRIPTORS.includes(fd))]
  return `exec ${closed.includes(0) ? '' : `${STDIN}<&3 3<&- `}${CHANNEL}>&4 4>&-${unwanted.map(fd => ` ${fd}>&-`).join('')} || { echo @n >&4; exec cat >/dev/null; }
__instar_folder=$PWD __instar_before=\${OLDPWD-}
__instar_return() {
  builtin cd -P -- /proc/$PPID/cwd || return 0
  PWD=$__instar_folder OLDPWD=$__instar_before
  [ -n "$OLDPWD" ] || unset OLDPWD
}
__instar_source() {
  until ! IFS= read -r -d '' -u ${CHANNEL} __instar_file || [ -z "$__instar_file" ]; do
    set -eu -o pipefail
    set -x
    { source "$__instar_file" ${HIDDEN}; set +o xtrace; ${closed.includes(0) ? '' : KEEP_STDIN} } ${stdinFor(closed)}
    [ . -ef /proc/$PPID/cwd ] || __instar_return
    builtin echo @s >&${CHANNEL}
  done
}
__instar_source
builtin read -r __instar_skipped
) # an environment file has forbidden bash to execute anything (set -o noexec)
set +aeu +o pipefail${keepsTrace ? '' : ' +xv'}
trap - DEBUG ERR RETURN
trap : INT QUIT PIPE
trap __instar_stop=1 TERM HUP USR1
__instar_stop=
unset -f exec
exec ${closed.includes(2) ? '' : `${STDERR}>&2 `}2>&${CHANNEL} || { builtin echo @n >&${CHANNEL}; exec cat >/dev/null; }
__instar_report() { set -- "$@" "$EPOCHREALTIME"; { times; printf '@e %d %s %s\\n' "$@"; } >&${CHANNEL}; }
builtin echo @r >&${CHANNEL}
`
}

/**
 * What makes the driver run a whole series: `name directory names...`. The date of the lines is date(1)'s in the C locale, made without starting
 * a program. When we are gone, a report cannot be written, and the driver ends. A file is taken for removed only where its folder can be searched.
 */
export function seriesText({ announcer, directory, names }: ScriptSeries, closed: ClosedStreams): string {
  const say = closed.includes(2)
    ? ':'
    : `if [ -z "$EPOCHSECONDS" ] || [ "$EPOCHSECONDS" != "$__instar_second" ]; then
    printf -v __instar_now '%(%w %m %e %H:%M:%S %Z %Y)T' -1
    __instar_second=$EPOCHSECONDS
    __instar_date="\${__instar_days[\${__instar_now:0:1}]} \${__instar_months[10#\${__instar_now:2:2}]} \${__instar_now:5}"
  fi
  printf '%s %s %s\\n' "$__instar_name" "$__instar_date" "$1" >&${STDERR}`
  const path = `"$__instar_prefix/$__instar_script"`
  return `__instar_days=(Sun Mon Tue Wed Thu Fri Sat)
__instar_months=(- Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec)
__instar_say() { ${say}; }
__instar_series() {
  for __instar_script do
    [ -n "$__instar_stop" ] && { builtin echo @x >&${CHANNEL}; return; }
    if [ ! -e ${path} ] && [ -x "$__instar_prefix" ]; then
      __instar_say "Skipping $__instar_directory/$__instar_script: it was removed meanwhile"
      builtin echo @g >&${CHANNEL} || exit
      continue
    fi
    __instar_say "Running $__instar_directory/$__instar_script"
    __instar_started=$EPOCHREALTIME
    ${path} ${stdinFor(closed)} ${stderrFor(closed)} ${HIDDEN}
    set -- "$?" "$__instar_started" "$EPOCHREALTIME"
    printf '@e %d %s %s\\n' "$@" >&${CHANNEL} || exit
    [ $1 = 0 ] || return
    __instar_say "$__instar_script completed"
  done
  builtin echo @d >&${CHANNEL}
}
__instar_name=${quote(announcer)} __instar_directory=${quote(directory)} __instar_prefix=${quote(startable(directory))}
__instar_series ${names.map(quote).join(' ')}
exec ${stderrFor(closed)}
exit
`
}

/**
 * The command that makes the driver start a script and report its end. The functions have the names of the variables in their text: as
 * assignments before a command they cost less than an export in a subshell.
 */
export function startText(script: ScriptStart, closed: ClosedStreams, book: WordBook): string {
  const { environment, stdin, stdout, stderr } = script
  const assignments = Object.keys(environment ?? {})
    .map((name, index) => `${name}="\${${index + 5}}" `)
    .join('')
  const redirections = [
    stdin === undefined ? stdinFor(closed) : `<${quote(stdin)}`,
    ...(stdout === undefined ? [] : ['>>"$3"']),
    stderr === undefined ? stderrFor(closed) : '2>>"$4"',
    HIDDEN,
  ].join(' ')
  const name = book.command(`{ set -- "$EPOCHREALTIME" "$@"; ${assignments}"$2" ${redirections}; __instar_report $? "$1"; }`)
  return callText(name, script, book)
}

/** A call of a function of the driver with all that it needs of a script: path, files for stdout and stderr, values of the variables. */
export function callText(name: string, { path, environment, stdout, stderr }: ScriptStart, book: WordBook): string {
  const start = startable(path)
  const at = start.lastIndexOf('/') + 1
  const files = [stdout ?? '', stderr ?? ''].map(file => book.word(file))
  const values = Object.values(environment ?? {}).map(quote)
  const line = [name, `${book.word(start.slice(0, at))}${quote(start.slice(at))}`, ...files, ...values].join(' ')
  return `${book.takeDefinitions()}${line}\n`
}

/** A path that begins with a hyphen would be an option to the interpreter. */
export function startable(path: string): string {
  return path.startsWith('-') ? `./${path}` : path
}

function stdinFor(closed: ClosedStreams): string {
  return closed.includes(0) ? '<&-' : `<&${STDIN}`
}

function stderrFor(closed: ClosedStreams): string {
  return closed.includes(2) ? '2>&-' : `2>&${STDERR}`
}
