import { hash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { ABSENT, CLUSTER_BYTES, ZERO, openNbd } from '@instar/machine/nbd'
import { CHUNKS_PER_PIECE, CHUNK_BYTES, HASH_BYTES, PIECE_BYTES, READS_IN_FLIGHT } from './chunks.ts'
import { COUNTER, mapChunk, type CopyState } from './copy-state.ts'
import { encodeRecord, type JournalRecord } from './journal.ts'
import { readPiece } from './read-piece.ts'
import { SourceReader } from './source-reader.ts'
import type { ThreadJob, ThreadMessage, ThreadOutput } from './thread-job.ts'

/**
 * A thread of a copy: takes pieces of the disk one after another until none is left, reads what the source holds of them, and stores each
 * chunk that changed. Hashing and writing block the thread, while its next read is on the way.
 */

const NO_HASH = new Uint8Array(HASH_BYTES)
const ZEROS = Buffer.alloc(CHUNK_BYTES)

async function work(job: ThreadJob): Promise<void> {
  await using client = await openNbd(job.target, new AbortController().signal)
  const source = new SourceReader(client, job.plain)
  await Promise.all(Array.from({ length: READS_IN_FLIGHT }, () => copyPieces(job, source)))
}

async function copyPieces({ state, output }: ThreadJob, source: SourceReader): Promise<void> {
  const buffer = Buffer.alloc(PIECE_BYTES)
  for (let piece = nextPiece(state); piece !== undefined; piece = nextPiece(state)) {
    const first = piece * CHUNKS_PER_PIECE
    await readPiece(source, state, { first, buffer })
    const records: Buffer[] = []
    for (let chunk = first; chunk < Math.min(first + CHUNKS_PER_PIECE, state.wanted.length); chunk += 1) {
      if (state.wanted[chunk] === 0) continue
      const start = (chunk - first) * CHUNK_BYTES
      const bytes = buffer.subarray(start, Math.min(start + CHUNK_BYTES, state.virtualBytes - first * CHUNK_BYTES))
      const record = takeChunk(state, output, { chunk, bytes })
      records.push(encodeRecord(record))
    }
    // After the data: what the journal tells is there, even if we are killed in the next moment.
    if (output !== undefined) writeAll(output.journalFd, Buffer.concat(records), null)
    Atomics.add(state.counters, COUNTER.doneChunks, BigInt(records.length))
  }
}

/** The next piece that has something wanted in it; `undefined` at the end, or when all shall stop. */
function nextPiece(state: CopyState): number | undefined {
  for (;;) {
    const piece = Number(Atomics.add(state.counters, COUNTER.nextPiece, 1n))
    const first = piece * CHUNKS_PER_PIECE
    if (first >= state.wanted.length || Atomics.load(state.counters, COUNTER.stop) !== 0n) return undefined
    if (state.wanted.subarray(first, first + CHUNKS_PER_PIECE).includes(1)) return piece
  }
}

function takeChunk(state: CopyState, output: ThreadOutput | undefined, { chunk, bytes }: { chunk: number; bytes: Buffer }): JournalRecord {
  const sum = state.hashes === undefined ? NO_HASH : hashOf(bytes)
  const known = state.hashes?.subarray(chunk * HASH_BYTES, (chunk + 1) * HASH_BYTES)
  if (known !== undefined) {
    if (output !== undefined && Buffer.compare(known, sum) === 0) return { kind: 'same', chunk }
    known.set(sum)
  }
  const stored = output === undefined ? { cluster: 0, mask: 0 } : store(state, output, bytes)
  mapChunk(state.map, { chunk, ...stored }, output?.hasBase === true ? ZERO : ABSENT)
  return { kind: 'stored', chunk, ...stored, hash: sum }
}

/** A chunk of zeros has zeros for its hash. */
function hashOf(bytes: Buffer): Uint8Array {
  return isZero(bytes) ? NO_HASH : hash('sha256', bytes, 'buffer')
}

/** Writes the clusters of a chunk that are not zero, to the next free place of the file. */
function store(state: CopyState, { dataFd }: ThreadOutput, bytes: Buffer): { cluster: number; mask: number } {
  const clusters: Buffer[] = []
  let mask = 0
  for (let at = 0, index = 0; at < bytes.length; at += CLUSTER_BYTES, index += 1) {
    const cluster = bytes.subarray(at, at + CLUSTER_BYTES)
    if (isZero(cluster)) continue
    clusters.push(cluster)
    mask |= 1 << index
  }
  if (mask === 0) return { cluster: 0, mask }
  const cluster = Number(Atomics.add(state.counters, COUNTER.nextCluster, BigInt(clusters.length)))
  const isWhole = clusters.length * CLUSTER_BYTES >= bytes.length
  writeAll(dataFd, isWhole ? bytes : Buffer.concat(clusters), cluster * CLUSTER_BYTES)
  Atomics.add(state.counters, COUNTER.writtenBytes, BigInt(clusters.length * CLUSTER_BYTES))
  return { cluster, mask }
}

function isZero(bytes: Buffer): boolean {
  return Buffer.compare(bytes, bytes.length === ZEROS.length ? ZEROS : ZEROS.subarray(0, bytes.length)) === 0
}

/** A full disk may take a part of a write. */
function writeAll(fd: number, bytes: Buffer, position: number | null): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at, bytes.length - at, position === null ? null : position + at)
}

function say(message: ThreadMessage): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window.
  parentPort?.postMessage(message)
}

// The job comes from run-copy.ts alone.
work(workerData as ThreadJob).then(
  () => say({ kind: 'done' }),
  (error: Error & { code?: string; details?: Readonly<Record<string, unknown>> }) =>
    say({ kind: 'failed', message: error.message, code: error.code, details: error.details ?? {} }),
)
