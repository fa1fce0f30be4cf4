import { ALLOCATION, bitmapContext, openNbd, type NbdTarget } from '@instar/machine'

/** What a served disk tells of itself without being read. */
export interface Survey {
  readonly virtualBytes: number
  /** Begin and end of each stretch that is not known to be zero, in bytes and in order. */
  readonly spans: readonly number[]
  /** The same of what the bitmap has noted. */
  readonly dirty?: readonly number[]
}

const STATUS_ZERO = 2
const STATUS_DIRTY = 1

/** Asks for the extents of a disk; a server that does not know them has data everywhere. */
export async function surveyDisk(target: NbdTarget, bitmap: string | undefined, signal: AbortSignal): Promise<Survey> {
  await using client = await openNbd(target, signal)
  const virtualBytes = client.sizeBytes
  const spans = client.hasContext(ALLOCATION)
    ? await collect(client.status(ALLOCATION, 0, virtualBytes), flags => (flags & STATUS_ZERO) === 0)
    : [0, virtualBytes]
  if (bitmap === undefined) return { virtualBytes, spans }
  return {
    virtualBytes,
    spans,
    dirty: await collect(client.status(bitmapContext(bitmap), 0, virtualBytes), flags => (flags & STATUS_DIRTY) !== 0),
  }
}

async function collect(
  runs: AsyncIterable<{ offset: number; lengthBytes: number; flags: number }>,
  isMeant: (flags: number) => boolean,
): Promise<number[]> {
  const spans: number[] = []
  for await (const { offset, lengthBytes, flags } of runs) {
    if (!isMeant(flags)) continue
    if (spans.at(-1) === offset) spans[spans.length - 1] = offset + lengthBytes
    else spans.push(offset, offset + lengthBytes)
  }
  return spans
}
