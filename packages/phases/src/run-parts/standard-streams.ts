import { readFileSync, readdirSync, readlinkSync } from 'node:fs'

const NULL_DEVICE = '/dev/null'
const READ_WRITE = 0o2
const ACCESS_MODE = 0o3
const SHELLS = new Set(['sh', 'bash', 'dash', 'ksh', 'mksh', 'zsh', 'ash', 'busybox'])

/**
 * Which of stdin, stdout and stderr the caller had closed. Node opens /dev/null for reading and writing in the place of a closed one, before any
 * of our code runs; the scripts must find it closed as without us.
 *
 * A caller may have given us such a /dev/null itself (Python's DEVNULL, daemon(3)). So a stream counts as closed only when the caller is a shell,
 * which never opens /dev/null for both, and has none open itself; in doubt it is open, which hurts nobody.
 */
export function closedStreams(): number[] {
  const suspects = [0, 1, 2].filter(fd => isOpenNull('self', String(fd)))
  return suspects.length > 0 && callerIsShellWithoutNull() ? suspects : []
}

function callerIsShellWithoutNull(): boolean {
  const caller = String(process.ppid)
  try {
    if (!SHELLS.has(readFileSync(`/proc/${caller}/comm`, 'utf8').trim())) return false
    return !readdirSync(`/proc/${caller}/fd`).some(fd => isOpenNull(caller, fd))
  } catch {
    return false
  }
}

function isOpenNull(process: string, fd: string): boolean {
  try {
    if (readlinkSync(`/proc/${process}/fd/${fd}`) !== NULL_DEVICE) return false
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/${process}/fdinfo/${fd}`, 'utf8'))
    return flags !== null && (Number.parseInt(flags[1]!, 8) & ACCESS_MODE) === READ_WRITE
  } catch {
    return false
  }
}
