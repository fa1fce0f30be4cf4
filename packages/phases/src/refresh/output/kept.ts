import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** Of one stream so much is kept at its beginning and at its end (design.md, section 13); the middle of a longer one is left out. */
export const HALF_BYTES = 32 * 1024 * 1024

const PIECE_BYTES = 64 * 1024

/** Where the middle of a stream of `size` bytes is left out; `undefined` when it is whole. */
export function leftOut(size: number, half = HALF_BYTES): { from: number; to: number } | undefined {
  return size <= 2 * half ? undefined : { from: half, to: size - half }
}

/** The kept output of a stream in pieces, with a line where its middle is left out. `limit`: bytes of the file that count. */
export function* readKept(file: string, limit = Infinity, half = HALF_BYTES): Generator<Buffer> {
  const fd = openSync(file, 'r')
  try {
    const size = Math.min(fstatSync(fd).size, limit)
    const gap = leftOut(size, half)
    if (gap === undefined) return yield* readRange(fd, 0, size)
    yield* readRange(fd, 0, gap.from)
    yield Buffer.from(`\n[${gap.to - gap.from} bytes left out]\n`)
    yield* readRange(fd, gap.to, size)
  } finally {
    closeSync(fd)
  }
}

export function* readRange(fd: number, from: number, to: number): Generator<Buffer> {
  for (let at = from; at < to;) {
    const piece = Buffer.alloc(Math.min(PIECE_BYTES, to - at))
    const read = readSync(fd, piece, 0, piece.length, at)
    if (read === 0) return
    at += read
    yield piece.subarray(0, read)
  }
}
