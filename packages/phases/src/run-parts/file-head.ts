import { closeSync, openSync, readSync } from 'node:fs'

/** As far as the kernel reads the first line. */
export const HEAD_BYTES = 256

/** The first bytes of a file, a character each; `undefined` of one that cannot be read. */
export function readHead(path: string): string | undefined {
  try {
    const fd = openSync(path, 'r')
    try {
      const buffer = Buffer.allocUnsafe(HEAD_BYTES)
      return buffer.toString('latin1', 0, readSync(fd, buffer, 0, HEAD_BYTES, 0))
    } finally {
      closeSync(fd)
    }
  } catch {
    return undefined
  }
}

/** The program that the first line names; `undefined` of a file without such a line. */
export function interpreterIn(head: string): string | undefined {
  return /^#![ \t]*([^ \t\n]*)/.exec(head)?.[1]
}
