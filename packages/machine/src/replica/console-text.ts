/** Text that comes in pieces of bytes; only its last part is kept, since a guest may write without end. */
export class ConsoleText {
  readonly #keepChars: number
  readonly #decoder = new TextDecoder()
  #text = ''
  #dropped = 0

  constructor(keepChars: number) {
    this.#keepChars = keepChars
  }

  /** Takes the next bytes and gives them as text. */
  add(piece: Uint8Array): string {
    const text = this.#decoder.decode(piece, { stream: true })
    this.#text += text
    // Cutting copies all of it: only once it is half as long again.
    if (this.#text.length > this.#keepChars * 1.5) this.#cut()
    return text
  }

  get text(): string {
    if (this.#text.length > this.#keepChars) this.#cut()
    return this.#text
  }

  /** How many characters came in all: a place in the text that stays the same when its beginning is dropped. */
  get total(): number {
    return this.#dropped + this.#text.length
  }

  /** What came after a place given by `total`, as far as it is kept. */
  since(place: number): string {
    return this.#text.slice(Math.max(0, place - this.#dropped))
  }

  #cut(): void {
    const cut = this.#text.length - this.#keepChars
    this.#text = this.#text.slice(cut)
    this.#dropped += cut
  }
}
