import { readFileSync } from 'node:fs'
import type { ProcessIdentity } from '@instar/contract'

/** Who this process is, for files that outlive it: a pid alone may belong to another process later. */
export function thisProcess(): ProcessIdentity {
  const identity = identityOf(process.pid)
  if (identity === undefined) throw new Error('/proc has no entry for this process')
  return identity
}

/** The identity of a running process, or `undefined` when there is none with this pid. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid)
  return stat === undefined || stat.state === 'Z' ? undefined : { pid, start_time: stat.startTime, boot_id: bootId() }
}

/** Whether that very process still runs. A zombie does not. */
export function isAlive(identity: ProcessIdentity): boolean {
  const now = identityOf(identity.pid)
  return now !== undefined && now.start_time === identity.start_time && now.boot_id === identity.boot_id
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

/** State and start time (clock ticks after boot) of proc(5); the command name before them may hold blanks and parentheses. */
function readStat(pid: number): { state: string; startTime: string } | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] ?? '', startTime: fields[19] ?? '' }
}
