import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** As the one of `machine`: Node's own `recursive` never ends below /proc, where no folder can be made. */
export function makeFolder(path: string, mode?: number): void {
  try {
    makeOne(path, mode)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    makeFolder(dirname(path), mode)
    makeOne(path, mode)
  }
}

function makeOne(path: string, mode: number | undefined): void {
  try {
    mkdirSync(path, mode)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !isFolder(path)) throw error
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}
