import { open } from 'node:fs/promises'
import { InstarError } from '@instar/contract'
import { readAt } from '../images/image-file.ts'
import { ABSENT, CLUSTER_BYTES, L2_ENTRIES, ZERO, clustersOf, type ClusterMap } from './cluster-map.ts'

export interface OwnImage {
  readonly virtualBytes: number
  readonly backingFile: string | undefined
  readonly map: ClusterMap
}

const CLUSTER_BITS = 16
/** Disks beyond this are refused by the probe too. */
const MAX_CLUSTERS = (64 * 1024 ** 4) / CLUSTER_BYTES

/** Reads the tables of an image that `finishImage` wrote; one of any other make is `image.damaged`. */
export async function readOwnImage(file: string): Promise<OwnImage> {
  await using handle = await open(file, 'r')
  const head = await readAt(handle, 0, CLUSTER_BYTES)
  const isOurs =
    head.length === CLUSTER_BYTES &&
    head.toString('latin1', 0, 4) === 'QFI\xfb' &&
    head.readUInt32BE(4) === 3 &&
    head.readUInt32BE(20) === CLUSTER_BITS
  if (!isOurs) throw damaged(file, 'its header is not ours')
  const virtualBytes = Number(head.readBigUInt64BE(24))
  const clusters = clustersOf(virtualBytes)
  const l1Entries = head.readUInt32BE(36)
  if (clusters > MAX_CLUSTERS || l1Entries !== Math.ceil(clusters / L2_ENTRIES)) throw damaged(file, `its size is ${virtualBytes}`)
  const sizeBytes = (await handle.stat()).size
  const l1 = await readAt(handle, Number(head.readBigUInt64BE(40)), l1Entries * 8)
  if (l1.length !== l1Entries * 8) throw damaged(file, 'its first table lies beyond its end')
  const map = new Uint32Array(clusters)
  for (let at = 0; at < l1Entries; at += 1) {
    const place = clusterAt(l1, at)
    if (place === ABSENT) continue
    const table = await readAt(handle, place * CLUSTER_BYTES, CLUSTER_BYTES)
    if (table.length !== CLUSTER_BYTES) throw damaged(file, `its table ${at} lies beyond its end`)
    for (let index = 0; index < Math.min(L2_ENTRIES, clusters - at * L2_ENTRIES); index += 1) {
      const cluster = clusterAt(table, index)
      if (cluster * CLUSTER_BYTES >= sizeBytes) throw damaged(file, `a cluster lies at ${cluster * CLUSTER_BYTES}, beyond its end`)
      map[at * L2_ENTRIES + index] = cluster
    }
  }
  return { virtualBytes, backingFile: backingOf(head), map }
}

/** An entry's cluster; the flag of a zero cluster is the mark of the map too. */
function clusterAt(table: Buffer, index: number): number {
  const [high, low] = [table.readUInt32BE(index * 8), table.readUInt32BE(index * 8 + 4)]
  if (low === 1) return ZERO
  return (high % 2 ** 24) * 2 ** 16 + Math.floor(low / CLUSTER_BYTES)
}

function backingOf(head: Buffer): string | undefined {
  const at = Number(head.readBigUInt64BE(8))
  return at === 0 ? undefined : head.toString('utf8', at, at + head.readUInt32BE(16))
}

function damaged(file: string, why: string): InstarError {
  return new InstarError('image.damaged', `${file} is no image of a replica: ${why}`)
}
