import { InstarError } from '@instar/contract'
import { CLUSTER_BYTES } from './cluster-map.ts'

export interface ImageHead {
  readonly virtualBytes: number
  /** A file name in the same folder, of a qcow2 image. */
  readonly backingFile?: string
}

interface TablePlaces {
  readonly l1Entries: number
  readonly l1Offset: number
  readonly refcountOffset: number
  readonly refcountClusters: number
}

const HEADER_BYTES = 104
const CLUSTER_BITS = 16
const REFCOUNT_ORDER = 4
const EXTENSION_BACKING_FORMAT = 0xe2_79_2a_ca
/** The longest name that QEMU takes. */
const MAX_NAME_BYTES = 1023

/** The first cluster of a qcow2 image of version 3. Source of the layout: QEMU's docs/interop/qcow2.txt. */
export function encodeHeader(head: ImageHead, places: TablePlaces): Buffer {
  const header = Buffer.alloc(CLUSTER_BYTES)
  header.write('QFI\xfb', 0, 'latin1')
  header.writeUInt32BE(3, 4)
  header.writeUInt32BE(CLUSTER_BITS, 20)
  header.writeBigUInt64BE(BigInt(head.virtualBytes), 24)
  header.writeUInt32BE(places.l1Entries, 36)
  header.writeBigUInt64BE(BigInt(places.l1Offset), 40)
  header.writeBigUInt64BE(BigInt(places.refcountOffset), 48)
  header.writeUInt32BE(places.refcountClusters, 56)
  header.writeUInt32BE(REFCOUNT_ORDER, 96)
  header.writeUInt32BE(HEADER_BYTES, 100)
  if (head.backingFile !== undefined) writeBacking(header, head.backingFile)
  return header
}

function writeBacking(header: Buffer, backingFile: string): void {
  const name = Buffer.from(backingFile)
  if (name.length > MAX_NAME_BYTES) throw new InstarError('image.path-refused', `${backingFile}: a backing name of ${name.length} bytes`)
  const format = Buffer.from('qcow2')
  header.writeUInt32BE(EXTENSION_BACKING_FORMAT, HEADER_BYTES)
  header.writeUInt32BE(format.length, HEADER_BYTES + 4)
  format.copy(header, HEADER_BYTES + 8)
  // The extension is filled up to 8 bytes, and an empty one ends the list.
  const nameAt = HEADER_BYTES + 8 + 8 + 8
  name.copy(header, nameAt)
  header.writeBigUInt64BE(BigInt(nameAt), 8)
  header.writeUInt32BE(name.length, 16)
}
