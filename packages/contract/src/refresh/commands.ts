/**
 * The words of `instar refresh`: one table for the command of Instar, for the program `instar-refresh` (which has no commander), for
 * --help, the man page and docs/reference/cli.md.
 */

export interface RefreshOption {
  /** The long name without its dashes. */
  readonly name: string
  /** What stands for the value in the help; an option without one is a switch. */
  readonly value?: string
  readonly description: string
  readonly repeatable?: true
  readonly choices?: readonly string[]
  readonly default?: string
}

export interface RefreshArgument {
  readonly name: string
  readonly description: string
  readonly required: boolean
}

export interface RefreshCommand {
  /** Empty for `instar refresh` itself. */
  readonly name: '' | 'log' | 'show' | 'install'
  readonly description: string
  readonly args: readonly RefreshArgument[]
  readonly options: readonly RefreshOption[]
}

const JSON_OPTION: RefreshOption = { name: 'json', description: 'one JSON object a line instead of text' }

const BASE_OPTION: RefreshOption = {
  name: 'base',
  value: '<dir>',
  description: 'directory with the phase directories, instead of the rule of os-refresh-config',
}

/** What a run does; `install` writes these into the service unit. */
const RUN_OPTIONS: readonly RefreshOption[] = [
  BASE_OPTION,
  { name: 'phase', value: '<phase>', description: 'run only this phase; repeatable', repeatable: true },
  { name: 'parallel', description: 'run scripts with equal numbers at the same time' },
  { name: 'jobs', value: '<count>', description: 'with --parallel, at most so many at a time; the number of processors, unless given' },
  { name: 'script-timeout', value: '<seconds>', description: 'time limit of each script; 0: none', default: '0' },
  { name: 'timeout', value: '<seconds>', description: 'time limit of the whole run, error.d apart; 0: none', default: '0' },
  { name: 'error-timeout', value: '<seconds>', description: 'time limit of error.d as a whole; 0: none', default: '600' },
  {
    name: 'kill-after',
    value: '<seconds>',
    description: 'time between SIGTERM and SIGKILL for what a limit or a signal ends',
    default: '5',
  },
  { name: 'retries', value: '<count>', description: 'start a script that failed so many times more', default: '0' },
  { name: 'reboot', description: 'reboot the machine when a script asks for it by exit code 194' },
  {
    name: 'reboot-command',
    value: '<command>',
    description: 'what reboots the machine, run by sh; systemctl reboot, or reboot where there is no systemctl, unless given',
  },
  {
    name: 'max-reboots',
    value: '<count>',
    description: 'ask for no more reboots than this in 24 hours, all runs counted',
    default: '10',
  },
  {
    name: 'containment',
    value: '<how>',
    description: "how a run's processes are found again: by a cgroup of version 2, or by the run's mark in /proc",
    choices: ['auto', 'cgroup', 'proc'],
    default: 'auto',
  },
  {
    name: 'lockfile',
    value: '<file>',
    description: 'lock file, shared with os-refresh-config',
    default: '/var/run/os-refresh-config.lock',
  },
  { name: 'keep-days', value: '<days>', description: 'forget runs that are older', default: '90' },
  { name: 'keep-size', value: '<MiB>', description: 'forget the oldest runs when the journal is larger', default: '512' },
]

export const REFRESH_COMMANDS: readonly RefreshCommand[] = [
  {
    name: '',
    description: 'Runs the phases of this live host: the directories of os-refresh-config, under its lock, with a journal.',
    args: [],
    options: [
      { name: 'plan', description: 'show what would run, in which order, and what would not and why; run nothing' },
      { name: 'from', value: '<script>', description: 'begin with this script (name, or phase/name): what comes before it is not run' },
      { name: 'resume', description: 'go on after the script that failed in the last run, or with the one that was interrupted' },
      { name: 'again', description: 'with --resume, begin with the script that failed' },
      { name: 'new', description: 'begin anew although a run waits for a reboot' },
      ...RUN_OPTIONS,
      JSON_OPTION,
    ],
  },
  { name: 'log', description: 'Lists the runs in the journal, the newest first.', args: [], options: [JSON_OPTION] },
  {
    name: 'show',
    description: 'Shows one run: how it ended, what every script did, why it failed.',
    args: [
      { name: 'run', description: 'id of the run, the beginning of one, or "last"', required: true },
      { name: 'script', description: 'name of a script, or phase/name: shows its output', required: false },
    ],
    options: [
      { name: 'output', description: 'show the output of every script' },
      { name: 'stream', value: '<stream>', description: 'only this stream, as it came, without headings', choices: ['stdout', 'stderr'] },
      JSON_OPTION,
    ],
  },
  {
    name: 'install',
    description: 'Writes systemd units that run the phases at boot, by a timer, and when the directories change.',
    args: [],
    options: [
      { name: 'calendar', value: '<spec>', description: 'when the timer runs them, as OnCalendar= takes it', default: 'daily' },
      {
        name: 'watch',
        value: '<path>',
        description: 'run them when this changes; repeatable; the directories of the base, unless given',
        repeatable: true,
      },
      { name: 'program', value: '<file>', description: 'the program that the units start; this one, unless given' },
      { name: 'root', value: '<dir>', description: 'write below this directory, for an image; default: this machine' },
      { name: 'enable', description: 'enable and start the timer and the watch' },
      { name: 'remove', description: 'remove the units instead' },
      ...RUN_OPTIONS,
    ],
  },
]
