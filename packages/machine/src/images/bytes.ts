/** Reads numbers and texts out of bytes that may end anywhere; a read beyond the end gives `undefined`, never an exception. */
export class ByteReader {
  readonly bytes: Uint8Array
  readonly #view: DataView

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  u32be(at: number): number | undefined {
    return this.#fits(at, 4) ? this.#view.getUint32(at, false) : undefined
  }

  u32le(at: number): number | undefined {
    return this.#fits(at, 4) ? this.#view.getUint32(at, true) : undefined
  }

  u64be(at: number): bigint | undefined {
    return this.#fits(at, 8) ? this.#view.getBigUint64(at, false) : undefined
  }

  u64le(at: number): bigint | undefined {
    return this.#fits(at, 8) ? this.#view.getBigUint64(at, true) : undefined
  }

  /** Bytes as one character each; what lies beyond the end is left out. */
  latin1(at: number, length: number): string {
    return Buffer.from(this.#slice(at, length)).toString('latin1')
  }

  /** `undefined` when the range is not wholly inside, or is not UTF-8. */
  utf8(at: number, length: number): string | undefined {
    if (!this.#fits(at, length)) return undefined
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.#slice(at, length))
    } catch {
      return undefined
    }
  }

  #fits(at: number, length: number): boolean {
    return Number.isSafeInteger(at) && at >= 0 && length >= 0 && at + length <= this.bytes.byteLength
  }

  #slice(at: number, length: number): Uint8Array {
    return this.bytes.subarray(Math.max(0, at), Math.max(0, at + length))
  }
}
