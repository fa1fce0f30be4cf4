import type { ErrorEntry } from './entry.ts'

/** Of what a user gives a command, and of the host that it runs on. */
export const COMMAND_LINE_ERRORS = {
  'usage.bad-argument': { exit: 2, status: 400, fault: 'user', hint: "See the command's --help." },
  'usage.no-session': { exit: 2, status: 400, fault: 'user', hint: 'Set OS_AUTH_URL, OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME.' },
  'usage.bad-script-flag': {
    exit: 2,
    status: 400,
    fault: 'user',
    hint: 'The forms are OS=PATH[,phase=NAME], NAME=PATH[,phase=NAME] and PATH[,key=value...]; write \\, \\= \\\\ for these characters themselves.',
  },
  'usage.bad-secret-flag': {
    exit: 2,
    status: 400,
    fault: 'user',
    hint: 'Put the value into a file that only you can read and give --secret NAME=@FILE.',
  },
  'usage.unreadable-file': { exit: 2, status: 400, fault: 'user', hint: 'Check the path and that you may read it.' },
  'config.invalid': { exit: 3, status: 400, fault: 'user', hint: 'See docs/reference/configuration.md and instar config show.' },
  'serve.cannot-listen': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'Give another address with --listen HOST:PORT, or end what uses this one.',
  },
  'phase.unknown': {
    exit: 2,
    status: 400,
    fault: 'user',
    hint: 'Use one of the phases named in the message; hyphens and underscores are alike.',
  },
  'script.empty': { exit: 2, status: 400, fault: 'user', hint: 'Leave the script out, or give one that does something.' },
  'script.not-text': {
    exit: 2,
    status: 400,
    fault: 'user',
    hint: 'A script is UTF-8 text. Convert the file, or start the program from a small script.',
  },
  'script.unreadable': { exit: 2, status: 400, fault: 'user', hint: 'Check the path and that you may read it.' },
  'script.failed': { exit: 4, status: 422, fault: 'user', hint: 'Read its output, repair the script or the guest, and run again.' },
  'script.timed-out': {
    exit: 5,
    status: 422,
    fault: 'user',
    hint: 'Give the script more time (timeout=SECONDS, 0 for no limit), or find out what it waits for in its output.',
  },
  'run.unknown': { exit: 2, status: 404, fault: 'user', hint: 'See instar run list.' },
  'run.not-resumable': {
    exit: 3,
    status: 409,
    fault: 'user',
    hint: 'Only a failed run that was started with --keep-on-error can go on; start a new one.',
  },
  'run.unwritable': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'Make the state folder writable for you, or name another one by INSTAR_STATE_DIR.',
  },
  'host.no-access': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'Let this user read and write there, or name other folders: INSTAR_STATE_DIR (records, layers), INSTAR_CACHE_DIR (the appliance).',
  },
  'fixture.missing': {
    exit: 3,
    status: 422,
    fault: 'user',
    hint: 'Install what the message names (`./instar doctor` tells how), or leave out the tests that need it.',
  },
  'fixture.tool-failed': {
    exit: 1,
    status: 500,
    fault: 'user',
    hint: 'A program that builds test guests failed. Check the network and the free disk space, then try again.',
  },
  'internal.bug': {
    exit: 1,
    status: 500,
    fault: 'bug',
    hint: 'This is a defect of Instar. Report it with the output of the same command and --json.',
  },
  'internal.cancelled': {
    exit: 130,
    status: 409,
    fault: 'user',
    hint: 'The run was cancelled on request; nothing of it is kept unless the message says so.',
  },
} as const satisfies Record<string, ErrorEntry>
