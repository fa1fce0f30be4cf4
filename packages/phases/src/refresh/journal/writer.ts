import { closeSync, fdatasync, fsync, mkdirSync, open, openSync, close, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { JournalLine } from './records.ts'

/** Of what is written none waits longer than this for the disk, but for the disk itself; the promise is 100 ms. */
const SYNC_EVERY_MS = 60

/**
 * Appends lines to a run's journal. A line is with the kernel when `append` returns, so that kill -9 loses nothing, and on disk by the
 * next group sync or `flush`: after a power cut the journal ends a moment earlier, and output is on disk before the line that counts it.
 */
export class JournalWriter {
  readonly #fd: number
  readonly #dir: string
  readonly #complain: (error: unknown) => void
  #timer: NodeJS.Timeout | undefined
  #syncing: Promise<void> = Promise.resolve()
  #outputs: string[] = []
  #isTorn = false
  #soon = ''
  #hasComplained = false

  /** `complain` is told once when lines cannot be written: work is worth more than its journal. */
  constructor(file: string, complain: (error: unknown) => void) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
    this.#fd = openSync(file, 'a', 0o600)
    this.#dir = dirname(file)
    this.#complain = complain
  }

  append(line: JournalLine): void {
    this.#soon += `${JSON.stringify(line)}\n`
    this.#write()
  }

  /** As `append`, but written with the next line, at the end of this turn at the latest: for what is followed by another at once. */
  appendWithNext(line: JournalLine): void {
    if (this.#soon === '') setImmediate(() => this.#write())
    this.#soon += `${JSON.stringify(line)}\n`
  }

  #write(): void {
    if (this.#soon === '') return
    try {
      // After a line that was cut short (disk full) the next one begins anew.
      const text = Buffer.from(`${this.#isTorn ? '\n' : ''}${this.#soon}`)
      this.#soon = ''
      this.#isTorn = true
      this.#isTorn = writeSync(this.#fd, text) < text.length
    } catch (error) {
      this.#tell(error)
    }
    this.#timer ??= setTimeout(() => void this.flush(), SYNC_EVERY_MS)
  }

  /** Files of output that the next lines count: they reach the disk before those. */
  addOutput(file: string): void {
    this.#outputs.push(file)
  }

  /** Resolves when all lines so far are on disk. */
  flush(): Promise<void> {
    this.#write()
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#syncing = this.#syncing.then(() => this.#sync())
    return this.#syncing
  }

  /** Syncs the folders that lead to the journal too: called once, when the run is new. */
  async flushNew(): Promise<void> {
    await this.flush()
    await syncFile(this.#dir)
    await syncFile(dirname(this.#dir))
  }

  async close(): Promise<void> {
    await this.flush()
    closeSync(this.#fd)
  }

  async #sync(): Promise<void> {
    try {
      const outputs = this.#outputs.splice(0)
      await Promise.all(outputs.map(syncFile))
      if (outputs.length > 0) await syncFile(join(this.#dir, 'output'))
      await promisify(fdatasync)(this.#fd)
    } catch (error) {
      this.#tell(error)
    }
  }

  #tell(error: unknown): void {
    if (this.#hasComplained) return
    this.#hasComplained = true
    this.#complain(error)
  }
}

async function syncFile(path: string): Promise<void> {
  const fd = await promisify(open)(path, 'r')
  try {
    await promisify(fsync)(fd)
  } finally {
    await promisify(close)(fd)
  }
}
