import { Buffer } from 'node:buffer'
import { type Unpacked, damaged } from './unpacked.ts'

export const LZ4_LEGACY_MAGIC = 0x184c2102
/** Every block of the legacy format but the last unpacks to exactly this much. */
const BLOCK_BYTES = 8 * 1024 * 1024
/** Largest packed size of such a block: LZ4_compressBound. A bigger "size" is what follows the stream. */
const MAX_PACKED_BYTES = BLOCK_BYTES + Math.floor(BLOCK_BYTES / 255) + 16

/**
 * Unpacks the legacy lz4 format of kernels and initramfs images (magic, then blocks of a 32-bit length and data, no end mark): read here,
 * because a decoder is shorter than the care for a program that may be missing, and frame-only libraries refuse it.
 */
export function unpackLz4Legacy(bytes: Buffer, start: number, maxBytes: number): Unpacked {
  const blocks: Buffer[] = []
  const scratch = Buffer.alloc(BLOCK_BYTES)
  let total = 0
  let at = start + 4
  while (at + 4 <= bytes.length) {
    const packed = bytes.readUInt32LE(at)
    if (packed === LZ4_LEGACY_MAGIC) {
      at += 4
      continue
    }
    if (packed === 0 || packed > MAX_PACKED_BYTES) break
    if (at + 4 + packed > bytes.length) return damaged('an lz4 block is cut off')
    const size = unpackBlock(bytes, at + 4, at + 4 + packed, scratch)
    if (size < 0) return damaged(`a broken lz4 block at byte ${at}`)
    total += size
    if (total > maxBytes) return { kind: 'too-big', maxBytes }
    blocks.push(Buffer.from(scratch.subarray(0, size)))
    at += 4 + packed
  }
  return blocks.length === 0
    ? damaged('an lz4 stream without blocks')
    : { kind: 'ok', data: Buffer.concat(blocks), consumedBytes: at - start }
}

/** Unpacks one lz4 block into `into`; gives the size, or -1 when it is broken. Each round eats at least one byte, so it ends. */
function unpackBlock(bytes: Buffer, start: number, end: number, into: Buffer): number {
  let at = start
  let out = 0
  const extended = (first: number): number => {
    let length = first
    for (let more = first === 15; more && at < end;) {
      const byte = bytes[at++] ?? 0
      length += byte
      more = byte === 255
    }
    return length
  }
  while (at < end) {
    const token = bytes[at++] ?? 0
    const literals = extended(token >> 4)
    if (at + literals > end || out + literals > into.length) return -1
    bytes.copy(into, out, at, at + literals)
    at += literals
    out += literals
    if (at >= end) return out
    const distance = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8)
    at += 2
    const length = extended(token & 15) + 4
    if (distance === 0 || distance > out || out + length > into.length) return -1
    copyMatch(into, out, { distance, length })
    out += length
  }
  return out
}

/** Source and target may overlap: a repeat of the last `distance` bytes. */
function copyMatch(into: Buffer, at: number, { distance, length }: { distance: number; length: number }): void {
  if (distance >= length) {
    into.copyWithin(at, at - distance, at - distance + length)
    return
  }
  for (let index = at; index < at + length; index++) into[index] = into[index - distance] ?? 0
}

/** An lz4 block that stores its data as it is: one run of literals, which every decoder takes (lz4 block format, end of block rules). */
function storedBlock(data: Buffer): Buffer {
  const rest = data.length - 15
  const token = Buffer.from([Math.min(data.length, 15) << 4])
  const length = rest < 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.alloc(Math.floor(rest / 255), 255), Buffer.from([rest % 255])])
  const block = Buffer.concat([token, length, data])
  const size = Buffer.alloc(4)
  size.writeUInt32LE(block.length)
  return Buffer.concat([size, block])
}

/** A stream in the legacy format, stored, not compressed. */
export function storeAsLz4Legacy(data: Buffer): Buffer {
  const magic = Buffer.alloc(4)
  magic.writeUInt32LE(LZ4_LEGACY_MAGIC)
  const blocks: Buffer[] = [magic]
  for (let at = 0; at < data.length; at += BLOCK_BYTES) blocks.push(storedBlock(data.subarray(at, at + BLOCK_BYTES)))
  return Buffer.concat(blocks)
}
