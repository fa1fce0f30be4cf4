/**
 * Where each cluster of a disk lies in a qcow2 file that Instar writes: an entry for each 64 KiB of the disk, which is the number of a
 * cluster of the file, or one of the two marks below. A file of ours has no snapshots, no compression and no encryption.
 */
export type ClusterMap = Uint32Array

export const CLUSTER_BYTES = 64 * 1024
/** Not in this file: as in the file that it is based on, else zero. */
export const ABSENT = 0
/** Zero, whatever the file that it is based on holds. The first cluster of a file is its header, the second is never used for data. */
export const ZERO = 1
/** The first cluster of the file that data may take. */
export const FIRST_DATA_CLUSTER = 2

export const L2_ENTRIES = CLUSTER_BYTES / 8

export function clustersOf(bytes: number): number {
  return Math.ceil(bytes / CLUSTER_BYTES)
}
