import { CHUNKS_PER_PIECE, CHUNK_BYTES } from './chunks.ts'
import { COUNTER, type CopyState } from './copy-state.ts'
import type { SourceReader } from './source-reader.ts'

/** Fills the buffer with the wanted chunks of a piece: what the source holds is read, its holes are zeros without being asked for. */
export async function readPiece(source: SourceReader, state: CopyState, piece: { first: number; buffer: Buffer }): Promise<void> {
  const { first, buffer } = piece
  const base = first * CHUNK_BYTES
  const reads: Promise<void>[] = []
  let readBytes = 0
  for (const [from, to] of wantedRanges(state, first)) {
    let at = from
    for (const [begin, end] of spansWithin(state.spans, from, to)) {
      buffer.fill(0, at - base, begin - base)
      reads.push(source.read(begin, buffer.subarray(begin - base, end - base)))
      readBytes += end - begin
      at = end
    }
    buffer.fill(0, at - base, to - base)
  }
  await Promise.all(reads)
  Atomics.add(state.counters, COUNTER.readBytes, BigInt(readBytes))
}

/** Neighbouring wanted chunks as one range of bytes each. */
function* wantedRanges({ wanted, virtualBytes }: CopyState, first: number): Generator<[number, number]> {
  const end = Math.min(first + CHUNKS_PER_PIECE, wanted.length)
  for (let chunk = first; chunk < end; chunk += 1) {
    if (wanted[chunk] === 0) continue
    const from = chunk
    while (chunk < end && wanted[chunk] !== 0) chunk += 1
    yield [from * CHUNK_BYTES, Math.min(chunk * CHUNK_BYTES, virtualBytes)]
  }
}

/** The parts of the spans that lie in a range. */
function* spansWithin(spans: Float64Array, from: number, to: number): Generator<[number, number]> {
  for (let at = firstEndingAfter(spans, from); at < spans.length / 2; at += 1) {
    const begin = Math.max(from, spans[at * 2]!)
    if (begin >= to) return
    yield [begin, Math.min(to, spans[at * 2 + 1]!)]
  }
}

function firstEndingAfter(spans: Float64Array, offset: number): number {
  let [low, high] = [0, spans.length / 2]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if (spans[middle * 2 + 1]! > offset) high = middle
    else low = middle + 1
  }
  return low
}
