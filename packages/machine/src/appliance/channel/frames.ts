import { InstarError } from '@instar/contract'

/**
 * One frame of the channel between host and agent: length of the payload (u32), type (u8), command id (u32), payload; little-endian.
 * Types and payloads are in messages.ts.
 */
export interface Frame {
  readonly type: number
  readonly id: number
  readonly payload: Buffer
}

const HEADER_BYTES = 9

/** The largest payload either side takes: an argument vector with its environment (Linux allows 6 MiB at most, 2 MiB by default). */
export const FRAME_MAX_BYTES = 4 * 1024 * 1024

export function encodeFrame(type: number, id: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  if (payload.length > FRAME_MAX_BYTES) {
    throw new InstarError('machine.request-too-big', `the request has ${payload.length} bytes, the most is ${FRAME_MAX_BYTES}`)
  }
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length)
  frame.writeUInt32LE(payload.length, 0)
  frame.writeUInt8(type, 4)
  frame.writeUInt32LE(id, 5)
  frame.set(payload, HEADER_BYTES)
  return frame
}

/** Cuts a stream of bytes into frames, however the bytes arrive. Bytes that are no frame throw `machine.bad-frame`; nothing follows then. */
export class FrameDecoder {
  readonly #types: ReadonlySet<number>
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #neededBytes = HEADER_BYTES

  constructor(types: Iterable<number>) {
    this.#types = new Set(types)
  }

  push(bytes: Buffer): Frame[] {
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (this.#waitingBytes < this.#neededBytes) return []
    const all = this.#waiting.length === 1 ? bytes : Buffer.concat(this.#waiting)
    const frames: Frame[] = []
    let at = 0
    for (;;) {
      this.#neededBytes = HEADER_BYTES + (all.length - at < HEADER_BYTES ? 0 : this.#checkedLength(all, at))
      if (all.length - at < this.#neededBytes) break
      const payload = all.subarray(at + HEADER_BYTES, at + this.#neededBytes)
      frames.push({ type: all.readUInt8(at + 4), id: all.readUInt32LE(at + 5), payload })
      at += this.#neededBytes
    }
    this.#waiting = at === all.length ? [] : [all.subarray(at)]
    this.#waitingBytes = all.length - at
    return frames
  }

  #checkedLength(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32LE(at)
    const type = bytes.readUInt8(at + 4)
    if (length > FRAME_MAX_BYTES || !this.#types.has(type)) {
      throw new InstarError('machine.bad-frame', `no frame of the agent: type ${type}, ${length} bytes`, { details: { type, length } })
    }
    return length
  }
}

/** Byte strings behind each other, each with its length (u32) in front; the agent's `(V/a*)*`. */
export function encodeStrings(strings: readonly (string | Uint8Array)[]): Buffer {
  return Buffer.concat(
    strings.flatMap(text => {
      const bytes = Buffer.from(text)
      const length = Buffer.alloc(4)
      length.writeUInt32LE(bytes.length)
      return [length, bytes]
    }),
  )
}

/** The reverse of `encodeStrings`; a length that leads out of the payload throws `machine.bad-frame`. */
export function decodeStrings(payload: Buffer): string[] {
  const strings: string[] = []
  for (let at = 0; at < payload.length;) {
    const end = at + 4 > payload.length ? Infinity : at + 4 + payload.readUInt32LE(at)
    if (end > payload.length) throw new InstarError('machine.bad-frame', `a string leads out of a payload of ${payload.length} bytes`)
    strings.push(payload.toString('utf8', at + 4, end))
    at = end
  }
  return strings
}
