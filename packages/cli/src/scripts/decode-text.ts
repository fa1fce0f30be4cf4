import { isUtf8 } from 'node:buffer'
import { InstarError } from '@instar/contract/errors'

/** The text of a file that must be UTF-8; else an error that names the first byte which is not. A byte order mark is left out. */
export function decodeText(bytes: Buffer, path: string): string {
  if (isUtf8(bytes)) return new TextDecoder().decode(bytes)
  const offset = firstInvalidByte(bytes)
  const byte = bytes[offset]!.toString(16).padStart(2, '0')
  throw new InstarError('script.not-text', `${path} is not UTF-8 text: byte ${offset} is 0x${byte}`, { details: { path, offset } })
}

/** A decoder writes U+FFFD for what is invalid: the first one that does not stand in the bytes themselves tells the place. */
function firstInvalidByte(bytes: Buffer): number {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  let offset = 0
  for (const char of text) {
    const length = Buffer.byteLength(char)
    if (char === '\uFFFD' && bytes.toString('latin1', offset, offset + 3) !== '\xEF\xBF\xBD') return offset
    offset += length
  }
  return bytes.length - 1
}
