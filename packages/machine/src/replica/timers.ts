/** Timers that end with their scope. */
export class Timers implements Disposable {
  readonly #running = new Set<NodeJS.Timeout>()

  start(work: () => void, ms: number): void {
    const timer = setTimeout(() => {
      this.#running.delete(timer)
      work()
    }, ms)
    this.#running.add(timer)
  }

  /** A function that runs `work` once, soon after the first of many calls. */
  coalesced(work: () => void, ms: number): () => void {
    let isPlanned = false
    return () => {
      if (isPlanned) return
      isPlanned = true
      this.start(() => {
        isPlanned = false
        work()
      }, ms)
    }
  }

  [Symbol.dispose](): void {
    for (const timer of this.#running) clearTimeout(timer)
    this.#running.clear()
  }
}
