import { closeSync, openSync, readSync } from 'node:fs'

/** The clock tick of /proc, the same on all of Linux. */
const TICK_MS = 10
const STAT_BYTES = 1024
/** After the name, which may hold anything and ends with the last parenthesis. */
const CHILDREN_USER = 13
const CHILDREN_SYSTEM = 14

/** The processor time of the children that a process has waited for, in steps of 10 ms. */
export class ChildrenTime {
  readonly #fd: number
  readonly #buffer = Buffer.alloc(STAT_BYTES)

  constructor(pid: number) {
    this.#fd = openSync(`/proc/${pid}/stat`, 'r')
  }

  /** User and system time in milliseconds; `undefined` when the process is gone. */
  read(): number | undefined {
    try {
      const text = this.#buffer.toString('latin1', 0, readSync(this.#fd, this.#buffer, 0, STAT_BYTES, 0))
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
      return (Number(fields[CHILDREN_USER]) + Number(fields[CHILDREN_SYSTEM])) * TICK_MS
    } catch {
      return undefined
    }
  }

  close(): void {
    closeSync(this.#fd)
  }
}
