import { ABSENT, FIRST_DATA_CLUSTER, ZERO, clustersOf } from '@instar/machine/nbd'
import { CLUSTERS_PER_CHUNK, HASH_BYTES, chunksOf } from './chunks.ts'
import type { JournalRecord } from './journal.ts'

/** What all threads of a copy see and change. */
export interface CopyState {
  readonly virtualBytes: number
  /** 1 for each chunk that is to be read. */
  readonly wanted: Uint8Array
  /** Where the source holds data: begin and end of each span in bytes, in order. The rest is zero and is not read. */
  readonly spans: Float64Array
  /** SHA-256 of each chunk as it is at the destination, zeros for a chunk of zeros; none where the source itself tells what changed. */
  readonly hashes?: Uint8Array
  /** What the new file holds (`ClusterMap`). */
  readonly map: Uint32Array
  readonly counters: BigInt64Array
}

/** Places in `counters`. */
export const COUNTER = { nextPiece: 0, nextCluster: 1, readBytes: 2, writtenBytes: 3, doneChunks: 4, stop: 5 } as const
const COUNTERS = 6

export function createState(request: {
  virtualBytes: number
  spans: readonly number[]
  hashes?: Uint8Array
  isHashing: boolean
}): CopyState {
  const { virtualBytes } = request
  const chunks = chunksOf(virtualBytes)
  const spans = new Float64Array(new SharedArrayBuffer(8 * request.spans.length))
  spans.set(request.spans)
  const counters = new BigInt64Array(new SharedArrayBuffer(8 * COUNTERS))
  counters[COUNTER.nextCluster] = BigInt(FIRST_DATA_CLUSTER)
  const state = {
    virtualBytes,
    wanted: new Uint8Array(new SharedArrayBuffer(chunks)),
    spans,
    map: new Uint32Array(new SharedArrayBuffer(4 * clustersOf(virtualBytes))),
    counters,
  }
  if (!request.isHashing) return state
  const hashes = new Uint8Array(new SharedArrayBuffer(chunks * HASH_BYTES))
  // A disk that shrank has fewer chunks than before; what it grew by was zero.
  if (request.hashes !== undefined) hashes.set(request.hashes.subarray(0, hashes.length))
  return { ...state, hashes }
}

/** Where the clusters of a chunk are, by its mask; `absent` is what a zero cluster is marked with. */
export function mapChunk(
  map: Uint32Array,
  record: { chunk: number; cluster: number; mask: number },
  absent: typeof ABSENT | typeof ZERO,
): void {
  const first = record.chunk * CLUSTERS_PER_CHUNK
  let next = record.cluster
  for (let index = 0; index < CLUSTERS_PER_CHUNK && first + index < map.length; index += 1) {
    const isStored = (record.mask & (1 << index)) !== 0
    map[first + index] = isStored ? next : absent
    if (isStored) next += 1
  }
}

/** Takes over what an earlier attempt has done. `skip` false: the source may have changed since, so that its chunks are looked at again. */
export function replay(state: CopyState, records: readonly JournalRecord[], options: { skip: boolean; hasBase: boolean }): void {
  for (const record of records) {
    if (record.kind === 'sync' || record.chunk >= state.wanted.length) continue
    if (options.skip) state.wanted[record.chunk] = 0
    else state.wanted[record.chunk] = 1
    if (record.kind === 'same') continue
    mapChunk(state.map, record, options.hasBase ? ZERO : ABSENT)
    state.hashes?.set(record.hash, record.chunk * HASH_BYTES)
    const end = BigInt(record.cluster + CLUSTERS_PER_CHUNK)
    if (record.mask !== 0 && end > state.counters[COUNTER.nextCluster]!) state.counters[COUNTER.nextCluster] = end
  }
}
