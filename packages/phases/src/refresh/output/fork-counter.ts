import { readFileSync } from 'node:fs'

/**
 * Tells whether a script may have left processes: the kernel numbers processes one after the other, so when just one number was given out
 * from before the script to after it, that was the script itself. Other programs of the machine make this say "maybe", never a wrong "no".
 */
export class ForkCounter {
  #last = 0

  begin(): void {
    this.#last = lastPid()
  }

  /** True when the one process that was started since `begin` can have no child. */
  wasOneProcess(): boolean {
    return lastPid() === this.#last + 1
  }
}

function lastPid(): number {
  return Number(readFileSync('/proc/loadavg', 'latin1').trim().split(' ').at(-1))
}
