import { closeSync, openSync, readSync } from 'node:fs'

const LOADAVG_BYTES = 128

/**
 * Tells whether a script may have left processes: the kernel numbers processes one after the other, so when just one number was given out
 * from before the script to after it, that was the script itself. Other programs of the machine make this say "maybe", never a wrong "no".
 */
export class ForkCounter {
  readonly #fd = openSync('/proc/loadavg', 'r')
  readonly #buffer = Buffer.alloc(LOADAVG_BYTES)
  #last: number | undefined

  /** Before a script starts. */
  begin(): void {
    this.#last ??= this.#lastPid()
  }

  /** True when the one process that was started since the last call, or else `begin`, can have no child. */
  wasOneProcess(): boolean {
    const before = this.#last ?? 0
    this.#last = this.#lastPid()
    return this.#last === before + 1
  }

  close(): void {
    closeSync(this.#fd)
  }

  #lastPid(): number {
    const text = this.#buffer.toString('latin1', 0, readSync(this.#fd, this.#buffer, 0, LOADAVG_BYTES, 0))
    return Number(text.slice(text.lastIndexOf(' ')))
  }
}
