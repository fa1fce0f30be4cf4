import { readFileSync, readdirSync } from 'node:fs'

const LAST_STANDARD_STREAM = 2
const CLOSED_FOR_PROGRAMS = 0o2000000

/**
 * What our caller left open beside the standard streams and the programs that we start would get: Node keeps from them what it opens itself, and
 * of the rest only what lies below the first gap above 15.
 */
export function inheritedDescriptors(): number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter(fd => fd > LAST_STANDARD_STREAM && isForPrograms(fd))
}

function isForPrograms(fd: number): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))
    return flags !== null && (Number.parseInt(flags[1]!, 8) & CLOSED_FOR_PROGRAMS) === 0
  } catch {
    // The descriptor by which we read the folder.
    return false
  }
}
