import { spawnSync } from 'node:child_process'
import { closeSync, constants, ftruncateSync, openSync, writeSync } from 'node:fs'
import { errnoOf, reasonOf } from './system-error.ts'

export interface RunLock {
  /** Empties the file and gives the lock back. The file stays. */
  release(): void
}

export type RunLocking =
  | { readonly kind: 'locked'; readonly lock: RunLock }
  /** Somebody else has it. */
  | { readonly kind: 'held' }
  /** `step`: what could not be done with the file. */
  | { readonly kind: 'failed'; readonly step: 'open' | 'lock' | 'truncate'; readonly errno: number; readonly reason: string }

/** What flock(1) is told to end with when the lock is taken: EAGAIN. */
const HELD = 11
/** Where flock(1) lies when PATH does not lead to it. */
const FLOCK_PROGRAMS = ['flock', '/usr/bin/flock', '/bin/flock']

/**
 * Takes the exclusive flock(2) lock on a file, made with mode 0666 less the umask when it is not there, or says why not; never waits.
 *
 * Node cannot call flock(2). But such a lock belongs to the open file, not to a process: flock(1) takes it on a descriptor of ours and ends, and
 * we hold it until we close ours or die. Scripts do not inherit it.
 */
export function takeRunLock(file: string): RunLocking {
  let fd: number
  try {
    // O_NONBLOCK: a FIFO without a reader is an error instead of a wait for ever.
    fd = openSync(file, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK, 0o666)
  } catch (error) {
    return { kind: 'failed', step: 'open', errno: errnoOf(error), reason: reasonOf(error) }
  }
  const refused = lockDescriptor(fd)
  if (refused) {
    closeSync(fd)
    return refused
  }
  try {
    ftruncateSync(fd)
    writeSync(fd, `Locked by pid==${process.pid} at ${new Date().toISOString()}\n`)
  } catch (error) {
    closeSync(fd)
    return { kind: 'failed', step: 'truncate', errno: errnoOf(error), reason: reasonOf(error) }
  }
  return {
    kind: 'locked',
    lock: {
      release: () => {
        ftruncateSync(fd)
        closeSync(fd)
      },
    },
  }
}

function lockDescriptor(fd: number): Exclude<RunLocking, { kind: 'locked' }> | undefined {
  let reason = 'flock(1) is not installed'
  for (const program of FLOCK_PROGRAMS) {
    const { status, signal, stderr, error } = spawnSync(program, ['-x', '-n', '-E', String(HELD), '3'], {
      stdio: ['ignore', 'ignore', 'pipe', fd],
      encoding: 'utf8',
    })
    if (error) continue
    if (status === 0) return undefined
    if (status === HELD) return { kind: 'held' }
    reason = stderr.trim() || `flock ended with ${status ?? signal}`
    break
  }
  return { kind: 'failed', step: 'lock', errno: 0, reason }
}
