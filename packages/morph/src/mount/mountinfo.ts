import { decodeOctal } from './fstab.ts'

/** Mount points at or below a path, in the order they were mounted, from the text of /proc/self/mountinfo (field 5, octal escapes). */
export function mountsBelow(mountinfo: string, path: string): string[] {
  const points = mountinfo.split('\n').flatMap(line => line.split(' ')[4] ?? [])
  const decoded = points.map(point => Buffer.from(decodeOctal(point), 'latin1').toString())
  return decoded.filter(point => point === path || point.startsWith(`${path}/`))
}
