import { CHUNK_BYTES, HASH_BYTES } from './copy/chunks.ts'
import type { CopyState } from './copy/copy-state.ts'
import type { Survey } from './source/survey.ts'

/**
 * Marks the chunks that have to be looked at: those that the bitmap names; else those where the source holds data, and those where it holds
 * none while the replica does (by the hashes in the state).
 */
export function chooseChunks(state: CopyState, survey: Survey, baseBytes: number | undefined): void {
  if (survey.dirty === undefined) {
    markSpans(state.wanted, survey.spans)
    if (baseBytes !== undefined) markKnownData(state)
    return
  }
  markSpans(state.wanted, survey.dirty)
  if (baseBytes === undefined || baseBytes === state.virtualBytes) return
  // The disk was resized: its last common chunk may have another length now, and what was added may hold data that no bitmap noted.
  const firstChanged = Math.floor(Math.min(baseBytes, state.virtualBytes) / CHUNK_BYTES) * CHUNK_BYTES
  markSpans(state.wanted, [firstChanged, state.virtualBytes])
}

function markSpans(wanted: Uint8Array, spans: readonly number[]): void {
  for (let at = 0; at + 1 < spans.length; at += 2) {
    wanted.fill(1, Math.floor(spans[at]! / CHUNK_BYTES), Math.ceil(spans[at + 1]! / CHUNK_BYTES))
  }
}

function markKnownData({ wanted, hashes }: CopyState): void {
  if (hashes === undefined) return
  for (let chunk = 0; chunk < wanted.length; chunk += 1) {
    if (wanted[chunk] === 0 && hashes.subarray(chunk * HASH_BYTES, (chunk + 1) * HASH_BYTES).some(byte => byte !== 0)) wanted[chunk] = 1
  }
}
