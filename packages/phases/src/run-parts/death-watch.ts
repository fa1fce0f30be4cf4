import { readFileSync } from 'node:fs'
import type { ShellDriver } from './shell-driver.ts'

/**
 * Tells whether a shell had a word to say about its child's death, on a stream that we do not see: by how often it has written. The kernel counts
 * that, its children's writes apart; the shell counts what it was told to write.
 */
export class DeathWatch {
  readonly #driver: ShellDriver
  /** What the kernel counts and the shell does not. */
  #uncounted: number

  private constructor(driver: ShellDriver, writes: number) {
    this.#driver = driver
    this.#uncounted = writes - driver.noteCount
  }

  /** Begins with a shell that has counted nothing so far; `undefined` where the kernel does not count. */
  static begin(driver: ShellDriver): DeathWatch | undefined {
    const writes = writesOf(driver.pid)
    return writes === undefined ? undefined : new DeathWatch(driver, writes)
  }

  /** Once for each answer in which the shell gives its own count, that answer not included, and while it waits. */
  sawDeath(count: number): boolean {
    const before = this.#uncounted
    this.recount(count)
    // A word that has no room in its file is more than one write.
    return this.#uncounted > before
  }

  /** Once for each answer by which the shell says that it may have written more often than it can tell. */
  recount(count: number): void {
    const writes = writesOf(this.#driver.pid)
    if (writes !== undefined) this.#uncounted = writes - this.#counted(count)
  }

  #counted(count: number): number {
    const answer = 1
    return this.#driver.noteCount + count + answer
  }
}

function writesOf(pid: number): number | undefined {
  try {
    const [, count] = /^syscw: (\d+)$/m.exec(readFileSync(`/proc/${pid}/task/${pid}/io`, 'latin1'))!
    // It has written that it is ready.
    return Number(count) || undefined
  } catch {
    return undefined
  }
}
