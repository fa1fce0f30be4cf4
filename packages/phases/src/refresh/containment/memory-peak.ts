import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/**
 * The highest memory use of a cgroup while one script ran. The kernel's mark covers the life of the group; since 6.12 each open file can
 * set it back. Before that, a script's own peak is known only when it is the highest so far.
 */
export class MemoryPeak {
  readonly #fd: number
  readonly #canReset: boolean
  #before = 0

  private constructor(fd: number, canReset: boolean) {
    this.#fd = fd
    this.#canReset = canReset
  }

  /** `undefined` where the group has no memory controller. */
  static open(groupDir: string): MemoryPeak | undefined {
    const file = join(groupDir, 'memory.peak')
    const writable = tryOpen(file, 'r+')
    if (writable !== undefined) {
      if (tryReset(writable)) return new MemoryPeak(writable, true)
      closeSync(writable)
    }
    const fd = tryOpen(file, 'r')
    return fd === undefined ? undefined : new MemoryPeak(fd, false)
  }

  begin(): void {
    if (this.#canReset) tryReset(this.#fd)
    else this.#before = this.#read()
  }

  /** Bytes, or `null` when they cannot be told. */
  end(): number | null {
    const peak = this.#read()
    return this.#canReset || peak > this.#before ? peak : null
  }

  close(): void {
    closeSync(this.#fd)
  }

  #read(): number {
    const buffer = Buffer.alloc(32)
    return Number(buffer.toString('latin1', 0, readSync(this.#fd, buffer, 0, 32, 0)))
  }
}

function tryOpen(file: string, flags: string): number | undefined {
  try {
    return openSync(file, flags)
  } catch {
    return undefined
  }
}

function tryReset(fd: number): boolean {
  try {
    writeSync(fd, 'reset')
    return true
  } catch {
    return false
  }
}
