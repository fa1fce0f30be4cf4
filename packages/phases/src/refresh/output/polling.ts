/** Does now and then what was added, for as long as that takes; it keeps no process alive. */
export class Polling {
  readonly #acts = new Set<() => void>()
  readonly #everyMs: number
  #timer: NodeJS.Timeout | undefined

  constructor(everyMs: number) {
    this.#everyMs = everyMs
  }

  /** Gives what ends it. */
  add(act: () => void): () => void {
    this.#acts.add(act)
    this.#timer ??= setInterval(() => {
      for (const one of this.#acts) one()
    }, this.#everyMs).unref()
    return () => void this.#acts.delete(act)
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
