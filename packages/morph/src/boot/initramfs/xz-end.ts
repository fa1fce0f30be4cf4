/** Sizes of the check field by its number: .xz file format 1.1.0, section 2.1.1.2. */
const CHECK_BYTES = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64]

/**
 * Where the .xz stream that starts at `start` ends, found by its chunk lengths without unpacking it; `undefined` when it is cut off or
 * broken. `xz` itself does not tell how much it read, and archives may follow.
 */
export function xzStreamEnd(bytes: Buffer, start: number): number | undefined {
  const checkBytes = CHECK_BYTES[(bytes[start + 7] ?? 0) & 15] ?? 0
  let at = start + 12
  while (at < bytes.length && bytes[at] !== 0) {
    const chunksEnd = lzma2End(bytes, at + ((bytes[at] ?? 0) + 1) * 4)
    if (chunksEnd === undefined) return undefined
    at = start + roundUp(chunksEnd - start) + checkBytes
  }
  const indexEnd = skipIndex(bytes, at)
  if (indexEnd === undefined) return undefined
  const end = start + roundUp(indexEnd - start) + 4 + 12
  return end <= bytes.length && bytes.toString('latin1', end - 2, end) === 'YZ' ? end : undefined
}

/** Steps over LZMA2 chunks: 0 ends them, 1 and 2 are stored, 0x80 and up are packed (0xc0 and up with one byte of properties). */
function lzma2End(bytes: Buffer, start: number): number | undefined {
  let at = start
  while (at + 1 <= bytes.length) {
    const control = bytes[at] ?? 0
    if (control === 0) return at + 1
    if (at + 6 > bytes.length) return undefined
    if (control <= 2) at += 3 + bytes.readUInt16BE(at + 1) + 1
    else if (control >= 0x80) at += (control >= 0xc0 ? 6 : 5) + bytes.readUInt16BE(at + 3) + 1
    else return undefined
  }
  return undefined
}

function skipIndex(bytes: Buffer, start: number): number | undefined {
  if (bytes[start] !== 0) return undefined
  const count = readVarint(bytes, start + 1)
  if (count === undefined) return undefined
  let at = count.end
  for (let left = count.value * 2; left > 0; left--) {
    const number = readVarint(bytes, at)
    if (number === undefined) return undefined
    at = number.end
  }
  return at
}

function readVarint(bytes: Buffer, start: number): { value: number; end: number } | undefined {
  let value = 0
  for (let index = 0; index < 9; index++) {
    const byte = bytes[start + index]
    if (byte === undefined) return undefined
    value += (byte & 0x7f) * 2 ** (7 * index)
    if (byte < 0x80) return { value, end: start + index + 1 }
  }
  return undefined
}

function roundUp(length: number): number {
  return Math.ceil(length / 4) * 4
}
