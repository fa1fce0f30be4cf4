import { CLUSTER_BYTES } from '@instar/machine/nbd'

/** What is compared, hashed and copied as one. */
export const CHUNK_BYTES = 256 * 1024
/** What a thread reads at once: the most that is lost of each read in flight when it is killed. */
export const PIECE_BYTES = 1024 * 1024
/** Reads in flight of each thread: the next one comes while the last one is hashed. */
export const READS_IN_FLIGHT = 2
export const HASH_BYTES = 32

export const CLUSTERS_PER_CHUNK = CHUNK_BYTES / CLUSTER_BYTES
export const CHUNKS_PER_PIECE = PIECE_BYTES / CHUNK_BYTES

export function chunksOf(bytes: number): number {
  return Math.ceil(bytes / CHUNK_BYTES)
}
