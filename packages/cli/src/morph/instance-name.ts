import { basename } from 'node:path'

/** The name of a machine: as given, else its first file's (or minion's) without the ending. */
export function instanceName(given: string | undefined, first: string): string {
  return given ?? basename(first).replace(/(?<=.)\.[^.]+$/, '')
}
