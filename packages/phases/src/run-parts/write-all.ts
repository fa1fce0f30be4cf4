import { writeSync } from 'node:fs'

/** How long to wait, in milliseconds, before another try at a descriptor that somebody made non-blocking. */
const FULL_PIPE_MS = 5

/**
 * Writes at once, so that our lines and the scripts' stand in true order. Returns the error's code when it cannot (no reader, disk full, closed):
 * a log that fails is no reason to stop the work.
 */
export function writeAll(fd: number, text: string): string | undefined {
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest))
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'EIO'
      if (code !== 'EAGAIN') return code
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_MS)
    }
  }
  return undefined
}
