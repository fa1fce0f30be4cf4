/** The last bytes of a stream, in memory. */
export class OutputTail {
  readonly #limit: number
  #pieces: Buffer[] = []
  #heldBytes = 0
  #totalBytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  take(piece: Buffer): void {
    // Copied: the caller may use its buffer again.
    this.#pieces.push(Buffer.from(piece.subarray(-this.#limit)))
    this.#heldBytes += Math.min(piece.length, this.#limit)
    this.#totalBytes += piece.length
    // At twice the limit, so that many small pieces are not joined each time.
    if (this.#heldBytes >= 2 * this.#limit) this.#shorten()
  }

  /** All that was taken, or its end behind a line that tells how much came before. */
  content(): Buffer {
    this.#shorten()
    const leftOut = this.#totalBytes - this.#heldBytes
    return Buffer.concat([...(leftOut === 0 ? [] : [Buffer.from(`[${leftOut} bytes left out]\n`)]), ...this.#pieces])
  }

  #shorten(): void {
    const end = Buffer.concat(this.#pieces).subarray(-this.#limit)
    this.#pieces = [end]
    this.#heldBytes = end.length
  }
}
