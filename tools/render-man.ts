import { REFRESH_COMMANDS, type RefreshCommand } from '@instar/contract/refresh'

/** The man page of `instar-refresh`, from the option table that `--help` prints. */
export function renderMan(): string {
  return `.\\" Made by npm run generate from packages/contract/src/refresh/commands.ts.
.TH INSTAR-REFRESH 1 "" "Instar" "Instar"
.SH NAME
instar-refresh \\- run the configuration phases of a live host, with a journal
.SH SYNOPSIS
${REFRESH_COMMANDS.map(synopsis).join('\n.br\n')}
.SH DESCRIPTION
Runs the scripts of the directories of os-refresh-config (pre-configure.d, configure.d, post-configure.d, migration.d, and error.d after a
failure), by the same rules and under the same lock, and keeps a journal of what every script did.
.B instar refresh
is the same as a command of Instar.
${REFRESH_COMMANDS.map(section).join('\n')}
.SH EXIT STATUS
.TP
0
done
.TP
1
failed
.TP
2
wrong usage
.TP
3
refused, with nothing changed
.TP
4
a script, or an environment file, failed
.TP
5
a time limit was reached
.TP
75
another run holds the lock
.TP
194
a script asks for a reboot: the run goes on after it
.TP
128+n
ended by signal n
.SH ENVIRONMENT
.TP
OS_REFRESH_CONFIG_BASE_DIR
the base directory, /usr/libexec/os\\-refresh\\-config unless set
.TP
RUN_PARTS_REGEX
which names run
.TP
INSTAR_STATE_DIR
where the journal lies (in refresh below it), /var/lib/instar for root unless set
.TP
INSTAR_BOOT_ID
what names this boot, where the kernel's own id does not: a run that waits for a reboot goes on when it is another one
.SH FILES
.TP
/var/lib/instar/refresh/RUN/journal.jsonl
the journal of a run, a line of JSON for each thing that happened
.TP
/var/run/os\\-refresh\\-config.lock
the lock
.SH SEE ALSO
.BR run\\-parts (8),
.BR systemd.timer (5)
`
}

function synopsis(command: RefreshCommand): string {
  const args = command.args.map(({ name, required }) => (required ? ` \\fI${name}\\fR` : ` [\\fI${name}\\fR]`)).join('')
  return `.B instar\\-refresh${command.name === '' ? '' : ` ${command.name}`}\\fR${args} [\\fIoptions\\fR]`
}

function section(command: RefreshCommand): string {
  const rows = command.options.map(option => {
    const value = option.value === undefined ? '' : ` \\fI${option.value.slice(1, -1)}\\fR`
    const choices = option.choices === undefined ? '' : ` (${option.choices.join(', ')})`
    const preset = option.default === undefined ? '' : `; default: ${option.default}`
    return `.TP\n.B \\-\\-${option.name.replaceAll('-', String.raw`\-`)}\\fR${value}\n${escape(`${option.description}${choices}${preset}`)}`
  })
  const args = command.args.map(({ name, description }) => `.TP\n.I ${name}\n${escape(description)}`)
  const title = command.name === '' ? 'OPTIONS' : `COMMAND ${command.name.toUpperCase()}`
  return [`.SH ${title}`, ...(command.name === '' ? [] : [escape(command.description)]), ...args, ...rows].join('\n')
}

/** A line that begins with a dot or an apostrophe would be a request. */
function escape(text: string): string {
  return text
    .replaceAll('\\', String.raw`\e`)
    .replaceAll('-', String.raw`\-`)
    .replace(/^(?=[.'])/, String.raw`\&`)
}
