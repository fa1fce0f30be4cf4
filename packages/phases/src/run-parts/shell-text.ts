import type { ScriptStart } from './starter.ts'

/** The channel's descriptor in the driver: high, so that `exec 3>file` in an environment file does not meet it. */
const CHANNEL = 251
/** The scripts' stderr while the driver's own goes into the channel. */
const STDERR = 252
const HIDDEN = `${CHANNEL}>&- ${STDERR}>&-`

/** The exit code of a script that could not join its cgroup. */
export const NO_CGROUP = 125

/**
 * The driver's program. It gets words that end in NUL through the channel: paths of environment files, an empty word, then commands.
 * It answers by lines that begin with @; what else appears in the channel is what bash says about the scripts ("Killed").
 *
 * The environment files are sourced in one call of a function, traced, under errexit, nounset and pipefail, as scripts of this trade expect;
 * afterwards the options and the traps that would act on the driver's own commands are put back, so that a failing script is always seen.
 */
export function driverText(options: { readonly closed: readonly number[]; readonly keepsTrace: boolean }): string {
  return `exec ${CHANNEL}>&3 3>&-
${options.closed.map(fd => `exec ${fd}>&-\n`).join('')}__instar_source() {
  while IFS= read -r -d '' -u ${CHANNEL} __instar_file && [ -n "$__instar_file" ]; do
    set -eu -o pipefail
    set -x
    source "$__instar_file" ${CHANNEL}>&-
    set +o xtrace
    printf '@s\\n' >&${CHANNEL}
  done
}
__instar_source
set +eu +o pipefail${options.keepsTrace ? '' : ' +xv'}
trap - DEBUG ERR RETURN
trap : INT QUIT HUP TERM
{ exec ${STDERR}>&2; } 2>/dev/null || exec ${STDERR}>/dev/null
exec 2>&${CHANNEL}
__instar_run() { set -- "$1" "$EPOCHREALTIME"; "$1" 2>&${STDERR} ${HIDDEN}; __instar_report $? "$2"; }
__instar_report() { set -- "$@" "$EPOCHREALTIME"; times >&${CHANNEL}; printf '@e %d %s %s\\n' "$@" >&${CHANNEL}; }
printf '@r\\n' >&${CHANNEL}
while IFS= read -r -d '' -u ${CHANNEL} __instar_command || [ $? -gt 128 ]; do eval "$__instar_command"; done
`
}

/** The command that makes the driver start a script and report its end. */
export function startText(script: ScriptStart): string {
  const { path, environment, stdin, stdout, stderr, cgroup } = script
  if (!environment && stdin === undefined && stdout === undefined && stderr === undefined && cgroup === undefined)
    return `__instar_run ${quote(path)}`
  const inside = [
    ...(cgroup === undefined ? [] : [`echo 0 >${quote(`${cgroup}/cgroup.procs`)} || exit ${NO_CGROUP}`]),
    ...Object.entries(environment ?? {}).map(([name, value]) => (value === null ? `unset ${name}` : `export ${name}=${quote(value)}`)),
  ]
  const redirections = [
    ...(stdin === undefined ? [] : [`<${quote(stdin)}`]),
    ...(stdout === undefined ? [] : [`>>${quote(stdout)}`]),
    stderr === undefined ? `2>&${STDERR}` : `2>>${quote(stderr)}`,
    HIDDEN,
  ].join(' ')
  const command = inside.length === 0 ? quote(path) : `( ${inside.join('; ')}; exec ${quote(path)} )`
  return `__instar_started=$EPOCHREALTIME; ${command} ${redirections}; __instar_report $? "$__instar_started"`
}

/** The command that takes the driver back to the folder of a process, with the variables that cd changes as they were. */
export function returnText(pid: number, variables: Readonly<Record<'PWD' | 'OLDPWD', string | undefined>>): string {
  const restored = Object.entries(variables).map(([name, value]) => (value === undefined ? `unset ${name}` : `${name}=${quote(value)}`))
  return `builtin cd -P -- /proc/${pid}/cwd; ${restored.join('; ')}`
}

/** A word of the shell that stands for exactly this text. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
