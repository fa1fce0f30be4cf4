import { getSystemErrorMap } from 'node:util'

/** errno of a failed system call; 0 for another error. */
export function errnoOf(error: unknown): number {
  return error instanceof Error && 'errno' in error ? Math.abs(Number(error.errno)) : 0
}

/** The words of strerror(3) for the errors that a user meets here, so that messages read as those of other tools. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'Permission denied',
  EPERM: 'Operation not permitted',
  ENOENT: 'No such file or directory',
  ENOTDIR: 'Not a directory',
  EISDIR: 'Is a directory',
  ELOOP: 'Too many levels of symbolic links',
  EROFS: 'Read-only file system',
  ENAMETOOLONG: 'File name too long',
  EINVAL: 'Invalid argument',
  ENXIO: 'No such device or address',
  ENOSPC: 'No space left on device',
}

/** What went wrong, as strerror(3) says it: `Permission denied`. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error ? String(error.code) : ''
  const words = WORDS[code] ?? getSystemErrorMap().get(-errnoOf(error))?.[1]
  return words ?? error.message
}
