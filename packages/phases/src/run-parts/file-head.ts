import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

/** As far as the kernel reads the first line. */
export const HEAD_BYTES = 256

/** For reading; of a FIFO it does not wait for a writer. */
const AT_ONCE = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY

/** The first bytes of a regular file, a character each; `undefined` of one that cannot be read, and of anything else. */
export function readHead(path: string): string | undefined {
  try {
    const fd = openSync(path, AT_ONCE)
    try {
      if (!fstatSync(fd).isFile()) return undefined
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
