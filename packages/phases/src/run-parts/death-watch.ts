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
    const answer = 1
    const expected = this.#uncounted + this.#driver.noteCount + count + answer
    const hasDied = writesOf(this.#driver.pid) === expected + 1
    if (hasDied) this.#uncounted += 1
    return hasDied
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
