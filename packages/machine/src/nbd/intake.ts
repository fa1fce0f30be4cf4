/** Bytes of a socket on their way into the buffers that wait for them. What comes early is kept until it is asked for. */
export class Intake {
  #target: Buffer = Buffer.alloc(0)
  #filled = 0
  #onFull: (() => void) | undefined
  #early: Buffer[] = []

  /** Fills `target` with the next bytes and then calls `onFull`, which may ask for more; one demand at a time. */
  expect(target: Buffer, onFull: () => void): void {
    this.#target = target
    this.#filled = 0
    this.#onFull = onFull
    const early = this.#early
    this.#early = []
    if (target.length === 0) this.take(Buffer.alloc(0))
    for (const piece of early) this.take(piece)
  }

  /** The next bytes of the socket; they are copied before this returns. */
  take(piece: Buffer): void {
    let at = 0
    do {
      const onFull = this.#onFull
      if (onFull === undefined) {
        if (at < piece.length) this.#early.push(Buffer.from(piece.subarray(at)))
        return
      }
      const copied = piece.copy(this.#target, this.#filled, at)
      at += copied
      this.#filled += copied
      if (this.#filled < this.#target.length) return
      this.#onFull = undefined
      onFull()
    } while (at < piece.length)
  }
}
