import { spawn } from 'node:child_process'
import { fstatSync } from 'node:fs'
import { leftOut } from './kept.ts'
import type { Slot } from './slots.ts'

/** The middle of a long stream is given back to the disk in pieces of at least this. */
const STEP_BYTES = 16 * 1024 * 1024

/**
 * Keeps the output of a running script from filling the disk: the middle of a stream that is longer than what is kept becomes a hole in
 * its file (`fallocate` of util-linux: Node cannot). The script notices nothing, no byte is miscounted, the end stays where it was.
 */
export class OutputBound {
  readonly #punched = new Map<string, number>()
  readonly #fail: (reason: string) => void
  #isBusy = false

  /** `fail` is told, once, where the file system cannot do this. */
  constructor(fail: (reason: string) => void) {
    this.#fail = fail
  }

  check(slot: Slot): void {
    if (this.#isBusy) return
    for (const { path, fd } of [slot.stdout, slot.stderr]) {
      const gap = leftOut(fstatSync(fd).size)
      if (gap === undefined) continue
      const from = this.#punched.get(path) ?? gap.from
      if (gap.to - from < STEP_BYTES) continue
      this.#punched.set(path, gap.to)
      return this.#punch(path, from, gap.to - from)
    }
  }

  #punch(path: string, offset: number, length: number): void {
    this.#isBusy = true
    const words = ['--punch-hole', '--offset', String(offset), '--length', String(length), path]
    const child = spawn('fallocate', words, { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = `${said}${text}`.slice(0, 500)))
    // Without it the file only grows: `#isBusy` stays, so that it is not tried again and again.
    child.once('error', error => this.#fail(error.message))
    child.once('close', code => {
      if (code === 0) this.#isBusy = false
      else if (code !== null && code > 0) this.#fail(said.trim())
    })
  }
}
