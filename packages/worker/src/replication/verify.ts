import { InstarError } from '@instar/contract'
import { blockNode, serveImage, type ImageLink, type NbdTarget } from '@instar/machine'
import { CHUNK_BYTES, HASH_BYTES } from './copy/chunks.ts'
import { createState, type CopyState } from './copy/copy-state.ts'
import { runCopy, type CopyProgress } from './copy/run-copy.ts'
import { surveyDisk } from './source/survey.ts'

export interface HashRequest {
  readonly threads: number
  readonly signal: AbortSignal
  readonly onProgress: (done: CopyProgress) => void
}

/** The hash of every chunk of a served disk; what it does not hold is not read. */
export async function hashDisk(target: NbdTarget, request: HashRequest): Promise<CopyState & { readonly hashes: Uint8Array }> {
  const { virtualBytes, spans } = await surveyDisk(target, undefined, request.signal)
  const state = createState({ virtualBytes, spans, isHashing: true })
  for (let at = 0; at + 1 < spans.length; at += 2) {
    state.wanted.fill(1, Math.floor(spans[at]! / CHUNK_BYTES), Math.ceil(spans[at + 1]! / CHUNK_BYTES))
  }
  await runCopy({ target, state, ...request })
  return { ...state, hashes: state.hashes ?? new Uint8Array() }
}

/** The hashes of a generation, read from its files. */
export async function hashGeneration(chain: readonly ImageLink[], request: HashRequest): Promise<Uint8Array> {
  await using served = await serveImage({ node: blockNode(chain), signal: request.signal })
  return (await hashDisk(served.target, request)).hashes
}

/** `replication.mismatch` unless the two disks are the same, chunk by chunk. */
export function requireSame(source: Uint8Array, replica: Uint8Array, diskId: string): void {
  const chunks: number[] = []
  for (let at = 0; at < Math.max(source.length, replica.length); at += HASH_BYTES) {
    if (Buffer.compare(source.subarray(at, at + HASH_BYTES), replica.subarray(at, at + HASH_BYTES)) !== 0) chunks.push(at / HASH_BYTES)
  }
  if (chunks.length === 0) return
  throw new InstarError(
    'replication.mismatch',
    `the copy of the disk ${diskId} differs from its source in ${chunks.length} of ${source.length / HASH_BYTES} chunks, the first at byte ${chunks[0]! * CHUNK_BYTES}`,
    { details: { chunks: chunks.length, first_byte: chunks[0]! * CHUNK_BYTES, chunk_bytes: CHUNK_BYTES } },
  )
}
