import { open, type FileHandle } from 'node:fs/promises'
import { namingFile } from '@instar/machine'

/** Half of what is kept of one stream: the first and the last so many bytes (design.md, section 13). */
const HALF_BYTES = 32 * 1024 * 1024

/**
 * A file that keeps a stream whole up to twice `half` bytes, beyond that its first and last `half`, with a line between them that tells how
 * much is left out. The tail is a ring in the file itself, so that memory stays small whatever the stream's length; `close` puts it in order.
 */
export class BoundedFile {
  readonly #path: string
  readonly #handle: FileHandle
  readonly #half: number
  #total = 0

  private constructor(path: string, handle: FileHandle, half: number) {
    this.#path = path
    this.#handle = handle
    this.#half = half
  }

  static async create(path: string, half = HALF_BYTES): Promise<BoundedFile> {
    return new BoundedFile(path, await open(path, 'wx+', 0o600), half)
  }

  async write(piece: Buffer): Promise<void> {
    for (let at = 0; at < piece.length;) {
      const position = this.#total < this.#half ? this.#total : this.#half + ((this.#total - this.#half) % this.#half)
      const room = position < this.#half ? this.#half - position : 2 * this.#half - position
      const part = piece.subarray(at, at + room)
      await namingFile(this.#path, () => this.#handle.write(part, 0, part.length, position))
      this.#total += part.length
      at += part.length
    }
  }

  /** Orders the tail, syncs and closes. */
  async close(): Promise<void> {
    if (this.#total > 2 * this.#half) await this.#orderTail()
    await namingFile(this.#path, () => this.#handle.sync())
    await this.#handle.close()
  }

  async #orderTail(): Promise<void> {
    const oldest = (this.#total - this.#half) % this.#half
    const ring = Buffer.alloc(this.#half)
    await this.#handle.read(ring, 0, this.#half, this.#half)
    const note = Buffer.from(`\n[${this.#total - 2 * this.#half} bytes left out]\n`)
    const tail = Buffer.concat([note, ring.subarray(oldest), ring.subarray(0, oldest)])
    await this.#handle.write(tail, 0, tail.length, this.#half)
  }
}
