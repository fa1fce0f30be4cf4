import { basename } from 'node:path'

/** The name of a machine: as given, else its first file's without the ending, or the host of the minion that has its disks. */
export function instanceName(given: string | undefined, first: string): string {
  if (given !== undefined) return given
  const host = /^ssh:\/\/(?:[^@/]*@)?([^/]+)/.exec(first)?.[1]
  return host ?? basename(first).replace(/(?<=.)\.[^.]+$/, '')
}
