import type { ErrorEntry } from './entry.ts'

/** Of the phases on a live host. */
export const REFRESH_ERRORS = {
  'refresh.locked': {
    exit: 75,
    status: 409,
    fault: 'transient',
    hint: 'Wait for the other run to end: its process id is in the lock file.',
  },
  'refresh.lock-unusable': { exit: 3, status: 500, fault: 'user', hint: 'Name a lock file that you may write with --lockfile.' },
  'refresh.unreadable': { exit: 1, status: 500, fault: 'user', hint: 'Check the path, its permissions, and as whom you run.' },
  'refresh.bad-rule': {
    exit: 2,
    status: 400,
    fault: 'user',
    hint: 'RUN_PARTS_REGEX is an extended regular expression as grep -E takes it; unset it.',
  },
  'refresh.script-failed': {
    exit: 4,
    status: 422,
    fault: 'user',
    hint: 'Read its output, repair it, and go on: instar refresh --resume --again begins with it, --resume after it.',
  },
  'refresh.environment-failed': { exit: 4, status: 422, fault: 'user', hint: 'Read what it printed, repair the file, and run again.' },
  'refresh.timed-out': {
    exit: 5,
    status: 422,
    fault: 'user',
    hint: 'Find out in the output what it waits for, or give more time: --script-timeout, --timeout.',
  },
  'refresh.no-shell': { exit: 3, status: 500, fault: 'user', hint: 'Scripts and environment files need bash: install it, or check PATH.' },
  'refresh.no-cgroup': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'Leave --containment out: /proc is searched where no cgroup can be made.',
  },
  'refresh.unknown-script': { exit: 2, status: 404, fault: 'user', hint: 'See instar refresh --plan.' },
  'refresh.not-resumable': { exit: 3, status: 409, fault: 'user', hint: 'See instar refresh log; without --resume a run begins anew.' },
  'refresh.waits-for-reboot': {
    exit: 3,
    status: 409,
    fault: 'user',
    hint: 'Reboot: the run goes on after it. --resume goes on without a reboot, --new begins anew.',
  },
  'refresh.too-many-reboots': {
    exit: 1,
    status: 422,
    fault: 'user',
    hint: 'Find out which script asks each time; then go on with instar refresh --resume, or allow more: --max-reboots.',
  },
  'refresh.reboot-failed': { exit: 1, status: 500, fault: 'user', hint: 'Reboot by hand, then go on: instar refresh --resume.' },
  'refresh.journal-unwritable': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'Make the state folder writable for you, or name another one by INSTAR_STATE_DIR.',
  },
  'refresh.not-installable': {
    exit: 3,
    status: 500,
    fault: 'user',
    hint: 'The units need root, systemd, and an executable file: --program FILE.',
  },
} as const satisfies Record<string, ErrorEntry>
