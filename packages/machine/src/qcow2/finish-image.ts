import { open } from 'node:fs/promises'
import { InstarError } from '@instar/contract'
import { ABSENT, CLUSTER_BYTES, L2_ENTRIES, ZERO, clustersOf, type ClusterMap } from './cluster-map.ts'
import { encodeHeader, type ImageHead } from './header.ts'

/** Refcounts are 16 bits wide. */
const REFCOUNTS_PER_BLOCK = CLUSTER_BYTES / 2
const COPIED_BIT_HIGH = 0x80_00_00_00
const ZERO_FLAG = 1

/**
 * Makes a qcow2 image of a file whose data clusters are in their places already: writes its tables behind them, brings all to stable
 * storage, and its header last, so that a file which was cut off is no image. Gives its size in bytes.
 */
export async function finishImage(file: string, head: ImageHead, map: ClusterMap): Promise<number> {
  if (map.length !== clustersOf(head.virtualBytes)) throw new InstarError('internal.bug', `a map of ${map.length} clusters for ${file}`)
  await using handle = await open(file, 'r+')
  const used = new UsedClusters(map)
  const l1 = Buffer.alloc(8 * Math.ceil(map.length / L2_ENTRIES))
  for (let at = 0; at < map.length; at += L2_ENTRIES) {
    const entries = map.subarray(at, at + L2_ENTRIES)
    if (entries.every(entry => entry === ABSENT)) continue
    const place = used.take(1)
    await handle.write(encodeL2(entries), 0, CLUSTER_BYTES, place * CLUSTER_BYTES)
    writeEntry(l1, at / L2_ENTRIES, place)
  }
  const l1Cluster = used.take(Math.max(1, clustersOf(l1.length)))
  await handle.write(l1, 0, l1.length, l1Cluster * CLUSTER_BYTES)
  const refcounts = used.placeRefcounts()
  await handle.write(refcounts.blocks, 0, refcounts.blocks.length, refcounts.blockCluster * CLUSTER_BYTES)
  await handle.write(refcounts.table, 0, refcounts.table.length, refcounts.tableCluster * CLUSTER_BYTES)
  const sizeBytes = used.end * CLUSTER_BYTES
  await handle.truncate(sizeBytes)
  await handle.datasync()
  const header = encodeHeader(head, {
    l1Entries: l1.length / 8,
    l1Offset: l1Cluster * CLUSTER_BYTES,
    refcountOffset: refcounts.tableCluster * CLUSTER_BYTES,
    refcountClusters: refcounts.table.length / CLUSTER_BYTES,
  })
  await handle.write(header, 0, header.length, 0)
  await handle.sync()
  return sizeBytes
}

function encodeL2(entries: Uint32Array): Buffer {
  const table = Buffer.alloc(CLUSTER_BYTES)
  for (const [index, entry] of entries.entries()) {
    if (entry === ZERO) table.writeUInt32BE(ZERO_FLAG, index * 8 + 4)
    else if (entry !== ABSENT) writeEntry(table, index, entry)
  }
  return table
}

/** An entry of a table: the offset of a cluster that nothing else refers to. */
function writeEntry(table: Buffer, index: number, cluster: number): void {
  const offset = cluster * CLUSTER_BYTES
  table.writeUInt32BE(COPIED_BIT_HIGH + Math.floor(offset / 2 ** 32), index * 8)
  table.writeUInt32BE(offset % 2 ** 32, index * 8 + 4)
}

/** Which clusters of the file something refers to. Those that a repeated copy of a chunk left behind are free space. */
class UsedClusters {
  readonly #used: number[] = [0]
  readonly #map: ClusterMap
  end = 2

  constructor(map: ClusterMap) {
    this.#map = map
    for (const entry of map) if (entry >= this.end) this.end = entry + 1
  }

  /** The next clusters at the end of the file. */
  take(count: number): number {
    const first = this.end
    for (let at = 0; at < count; at += 1) this.#used.push(first + at)
    this.end += count
    return first
  }

  /** Refcount blocks and their table, which count themselves. */
  placeRefcounts(): { blocks: Buffer; blockCluster: number; table: Buffer; tableCluster: number } {
    let [blockCount, tableClusters] = [0, 0]
    for (let end = this.end; ; end = this.end + blockCount + tableClusters) {
      const wanted = Math.ceil(end / REFCOUNTS_PER_BLOCK)
      if (wanted === blockCount) break
      blockCount = wanted
      tableClusters = clustersOf(blockCount * 8)
    }
    const blockCluster = this.take(blockCount)
    const tableCluster = this.take(tableClusters)
    const blocks = Buffer.alloc(blockCount * CLUSTER_BYTES)
    for (const cluster of this.#used) blocks.writeUInt16BE(1, cluster * 2)
    for (const entry of this.#map) if (entry > ZERO) blocks.writeUInt16BE(1, entry * 2)
    const table = Buffer.alloc(tableClusters * CLUSTER_BYTES)
    for (let at = 0; at < blockCount; at += 1) table.writeBigUInt64BE(BigInt((blockCluster + at) * CLUSTER_BYTES), at * 8)
    return { blocks, blockCluster, table, tableCluster }
  }
}
