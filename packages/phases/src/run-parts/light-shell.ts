import { existsSync, statSync } from 'node:fs'
import { BASH } from './bash.ts'
import { isNativeInterpreter, programKind, type ProgramKind } from './program-kind.ts'
import { isSpoilt } from './raw-environment.ts'
import { callText, startable } from './shell-text.ts'
import type { ScriptSeries, ScriptStart, StarterOptions } from './starter.ts'
import { quote, type WordBook } from './word-book.ts'

/**
 * The small shell that starts scripts wherever nothing needs bash: it does so without copying itself (vfork), in two thirds of the time. It
 * cannot carry exported functions and odd names on, and counts processor time in clock ticks (10 ms).
 */
const DASH = ['/bin/dash', '/usr/bin/dash']

/** The streams of the scripts, beside its own: commands on stdin, the channel on stdout and stderr. Its redirections take one digit. */
export const LIGHT_STREAMS = [7, 8, 9] as const
const [STDIN, STDOUT, STDERR] = LIGHT_STREAMS
const HIDDEN = `${STDIN}<&- ${STDOUT}>&- ${STDERR}>&-`

/** Variables that bash reads, changes or does not pass on, found by comparing what both shells leave a script of each name in bash's manual. */
const OF_SHELLS = /^(BASH.*|COLUMNS|COMP_WORDBREAKS|EPOCH.*|HISTCMD|IFS|LINENO|LINES|OPTERR|OPTIND|PPID|PS[124]|S?RANDOM|SHELLOPTS)$/

/** Of most scripts: known from the start, they need not be asked for. */
const USUAL_INTERPRETERS = ['/bin/sh', '/bin/bash']

/** bash begins anew above this many shells in each other. */
const MOST_SHELLS = 998

/** The program of the small shell, where there is one and streams and names of variables are such that it may take bash's place. */
export function lightShellFor({ environment, stdio }: StarterOptions): string | undefined {
  const isPossible = Object.keys(environment).every(isPlain) && stdio?.includes('closed') !== true
  return isPossible ? DASH.find(existsSync) : undefined
}

/** Whether the small shell carries on what is exported under these names. */
export function isLight(names: readonly string[]): boolean {
  return names.every(name => isPlain(name) && !OF_SHELLS.test(name))
}

function isPlain(name: string): boolean {
  return /^[A-Za-z_]\w*$/.test(name)
}

/** The environment that bash would leave its scripts, so that it need not be started; `undefined` where only bash itself can tell. */
export function environmentOfBash(given: StarterOptions['environment']): Record<string, string> | undefined {
  const environment: Record<string, string> = {}
  for (const [name, value] of Object.entries(given)) if (value !== undefined) environment[name] = value
  const { SHLVL = '0', OLDPWD, PWD } = environment
  if (!isLight(Object.keys(environment)) || Object.values(environment).some(isSpoilt)) return undefined
  if (!/^\d{1,3}$/.test(SHLVL) || Number(SHLVL) > MOST_SHELLS || (OLDPWD !== undefined && !isFolder(OLDPWD))) return undefined
  const folder = PWD ?? workingDirectory()
  if (folder === undefined || !isHere(folder)) return undefined
  return { ...environment, PWD: folder, SHLVL: String(Number(SHLVL) + 1) }
}

/** Whether bash would take this for the name of the directory that we are in. */
function isHere(folder: string): boolean {
  if (!/^\/([^/]+\/)*[^/]*$/.test(folder) || /\/\.{1,2}(\/|$)/.test(folder)) return false
  const [named, here] = [folder, '.'].map(path => statSync(path, { throwIfNoEntry: false }))
  return named !== undefined && here !== undefined && named.dev === here.dev && named.ino === here.ino
}

function workingDirectory(): string | undefined {
  try {
    return process.cwd()
  } catch {
    return undefined
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/** What bash is asked before it becomes the small shell: a line for all that it exports and for each other thing that is in the way, then @b. */
export function exportedText(channel: number): string {
  const inUse = LIGHT_STREAMS.map(fd => `[ ! -e /proc/self/fd/${fd} ] || echo "descriptor ${fd}"`)
  const uncounted = `[[ $(</proc/$$/task/$$/io) == *"syscw: "[1-9]* ]] || echo "writes are not counted"`
  return `{ compgen -e; declare -Fx; trap -p EXIT; ${inUse.join('; ')}; ${uncounted}; builtin echo @b; } >&${channel} 2>&1\n`
}

/** The command by which bash becomes the small shell, which counts as no further shell. */
export function becomeText(program: string, from: { stdin: number; channel: number; stderr: number }): string {
  const moved = `${STDIN}<&${from.stdin} ${STDOUT}>&1 ${STDERR}>&${from.stderr} 1>&${from.channel}`
  const closed = `${from.stdin}<&- ${from.channel}>&- ${from.stderr}>&-`
  // In lines of their own: where a file has made SHLVL readonly, bash gives up the line.
  return `SHLVL=$((SHLVL+1))\nbuiltin exec -a "$0" ${program} -s ${moved} ${closed}\n`
}

/**
 * What the small shell reads first; it answers @r, or @n where nothing tells it of its scripts how they died. What it has to say of a death
 * ("Killed") goes to the script's stderr, for that is its own while it waits. But the kernel counts what a process writes, its children's writes
 * apart, and the shell counts what it was told to write: when a script ended like one that died of a signal, one write more is the word. It
 * takes the kernel's count anew after its complaints, which are several writes (code 2: a file for output that it cannot open), and after a line that
 * a signal may have cut short. What a signal interrupts is read again.
 */
export function lightDriverText(): string {
  return `exec 2>&1
trap : INT QUIT PIPE XFSZ
trap __instar_stop=1 TERM HUP USR1
trap __instar_date= USR2
__instar_stop= __instar_date=
__instar_write() { echo "$1" && __instar_writes=$((__instar_writes + 1)); }
__instar_read() { read -r __instar_answer; }
__instar_ask() { __instar_write "$1" && { __instar_read || __instar_read || __instar_read; }; }
__instar_count_once() {
  while read -r __instar_key __instar_value; do [ "$__instar_key" != syscw: ] || __instar_counted=$__instar_value; done </proc/$$/task/$$/io
  [ -n "$__instar_counted" ]
}
__instar_count() { __instar_counted=; __instar_count_once || __instar_count_once || __instar_count_once; }
__instar_recount() { __instar_count && __instar_writes=$__instar_counted; }
__instar_report() {
  __instar_died=
  if [ $1 -gt 128 ] && __instar_count && [ $__instar_counted -gt $__instar_writes ]; then
    __instar_died=' died' __instar_writes=$__instar_counted
  fi
  [ $1 != 2 ] || __instar_recount
  __instar_write "@e $1$__instar_died"
}
echo
__instar_recount
if [ "\${__instar_writes:-0}" = 0 ]; then echo @n; exec cat >/dev/null; fi
__instar_write @r
`
}

/** The command that makes the small shell start a script, and report its end. */
export function lightStartText(script: ScriptStart, book: WordBook): string {
  const { path, environment, stdin, stdout, stderr, kind = programKind(path) } = script
  const names = Object.keys(environment ?? {})
  const from = stdin === undefined ? `&${STDIN}` : quote(stdin)
  const to = `>${stdout === undefined ? `&${STDOUT}` : '>"$2"'} ${stderr === undefined ? `2>&${STDERR}` : '2>>"$3"'}`
  const values = names.map((name, index) => `${name}="\${${index + 4}}" `).join('')
  const start = `${values}_="$1" ${startCommand(kind, '"$1"')} <${from} ${to} ${HIDDEN}`
  return callText(book.command(`{ ${start}; __instar_report $?; }`), script, book)
}

/**
 * What makes the small shell run a whole series: `name directory names...`. The first line of a file tells it how to start it; where it does not
 * know the interpreter it asks by @k. It has the date and asks by @c for a new one once USR2 has told it that its second is over: not while it
 * may be reading one, which it confirms by @r. When we are gone, nothing can be written to the channel, and it ends. A file is taken for
 * removed only where its folder can be searched.
 */
export function lightSeriesText({ announcer, directory, names, time }: ScriptSeries): string {
  const path = '"$__instar_path"'
  const streams = `<&${STDIN} >&${STDOUT} 2>&${STDERR} ${HIDDEN}`
  const start = (kind: ProgramKind) => `${kind}) _=${path} ${startCommand(kind, path)} ${streams} ;;`
  const cases = [start('native'), start('text'), start('unsure')]
  return `__instar_look() {
  __instar_head=
  [ -f ${path} ] && [ -r ${path} ] && IFS= read -r __instar_head <${path}
  __instar_kind=native
  case $__instar_head in
  '#!'*)
    __instar_head=\${__instar_head#??}
    while :; do case $__instar_head in [' \t']*) __instar_head=\${__instar_head#?} ;; *) break ;; esac; done
    __instar_head=\${__instar_head%%[' \t']*}
    case $__instar_known in *":$__instar_head:"*) return ;; esac ;;
  *) __instar_head= ;;
  esac
  __instar_ask @k || exit
  __instar_kind=$__instar_answer
  case $__instar_kind:$__instar_head in native:?*) __instar_known=$__instar_known$__instar_head: ;; esac
}
__instar_say() {
  [ -n "$__instar_date" ] || { __instar_ask @c && __instar_date=$__instar_answer && __instar_write @r || exit; }
  set -- "$__instar_completed" "$1"
  __instar_completed=
  if printf "\${1:+$__instar_line}\${2:+$__instar_line}" \${1:+"$__instar_name" "$__instar_date" "$1"} \${2:+"$__instar_name" "$__instar_date" "$2"} >&${STDERR} && [ -n "$__instar_date" ]; then
    __instar_writes=$((__instar_writes + 1))
  else
    __instar_recount
  fi
}
__instar_series() {
  __instar_write @r || exit
  for __instar_script do
    [ -z "$__instar_stop" ] || { __instar_say; __instar_write @x; return; }
    __instar_path=$__instar_prefix/$__instar_script
    if [ ! -e ${path} ] && [ -x "$__instar_prefix" ]; then
      __instar_say "Skipping $__instar_directory/$__instar_script: it was removed meanwhile"
      __instar_write @g || exit
      continue
    fi
    __instar_look
    __instar_say "Running $__instar_directory/$__instar_script"
    case $__instar_kind in
    ${cases.join('\n    ')}
    esac
    __instar_code=$?
    __instar_report $__instar_code || exit
    [ $__instar_code = 0 ] || return
    __instar_completed="$__instar_script completed"
  done
  __instar_say
  __instar_write @d
}
__instar_date=${quote(time.date(new Date()))} __instar_known=:${USUAL_INTERPRETERS.filter(isNativeInterpreter).join(':')}: __instar_completed= __instar_line='%s %s %s\\n'
__instar_name=${quote(announcer)} __instar_directory=${quote(directory)} __instar_prefix=${quote(startable(directory))}
__instar_series ${names.map(quote).join(' ')}
exit
`
}

/** bash runs text itself, as it does when it starts such a file, and says in its own words why another cannot be started. */
function startCommand(kind: ProgramKind, path: string): string {
  return { native: path, text: `${BASH} ${path}`, unsure: `${BASH} -c '"$1"' "$0" ${path}` }[kind]
}
