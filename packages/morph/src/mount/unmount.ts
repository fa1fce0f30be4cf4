import { setTimeout as sleep } from 'node:timers/promises'
import { InstarError } from '@instar/contract'
import type { Machine } from '@instar/machine'
import { mountsBelow } from './mountinfo.ts'

/** Writing back what the guest's layer holds may take a while on an emulated machine. */
const UNMOUNT_TIMEOUT_MS = 120_000
const RETRY_MS = 250
const ATTEMPTS = 4

/** Processes with a folder, a program or an open file below a path; one "pid command" a line. */
const USERS = `
find /proc/[0-9]*/root /proc/[0-9]*/cwd /proc/[0-9]*/exe /proc/[0-9]*/fd -maxdepth 1 \\( -lname "$1" -o -lname "$1/*" \\) -printf '%p\\n' 2>/dev/null |
  cut -d/ -f3 | sort -un | head -n 20 | while read -r pid; do printf '%s %s\\n' "$pid" "$(cat "/proc/$pid/comm" 2>/dev/null)"; done
`

/** Runs a command, whatever becomes of it, then tells the mounts: one process start less. */
const THEN_LIST = '"$@" 2>/dev/null; exec cat /proc/self/mountinfo'

/**
 * Unmounts everything at and below a folder, last mounted first, also what scripts mounted there, and removes the folder. Kills nothing: throws
 * `morph.busy` with the processes that hold it. A machine that is gone has nothing mounted.
 */
export async function unmountTree(machine: Machine, at: string): Promise<void> {
  const signal = AbortSignal.timeout(UNMOUNT_TIMEOUT_MS)
  try {
    let left = await mountsAfter(machine, ['sync'], { at, signal })
    for (let attempt = 0; left.length > 0 && attempt < ATTEMPTS; attempt++) {
      if (attempt > 0) await sleep(RETRY_MS, undefined, { signal })
      left = await mountsAfter(machine, ['umount', '--', ...left.toReversed()], { at, signal })
    }
    if (left.length > 0) throw await busy(machine, at, { left, signal })
    await machine.run(['rmdir', '--', at], { signal })
  } catch (error) {
    if (!(error instanceof InstarError && (error.code as string) === 'machine.lost')) throw error
  }
}

async function mountsAfter(machine: Machine, argv: string[], { at, signal }: { at: string; signal: AbortSignal }): Promise<string[]> {
  const result = await machine.run(['sh', '-c', THEN_LIST, 'list', ...argv], { signal, captureBytes: 4 * 2 ** 20 })
  return mountsBelow(result.stdout.toString(), at)
}

async function busy(machine: Machine, at: string, { left, signal }: { left: string[]; signal: AbortSignal }): Promise<InstarError> {
  const users = await machine.run(['sh', '-c', USERS, 'users', at], { signal, captureBytes: 65_536 })
  const processes = users.stdout.toString().trim().split('\n').filter(Boolean)
  const who = processes.length > 0 ? `used by ${processes.join(', ')}` : 'no process on the minion holds it'
  return new InstarError('morph.busy', `cannot unmount ${left.join(', ')}: ${who}`, { details: { mounts: left, processes } })
}
