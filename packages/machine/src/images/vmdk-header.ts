import { InstarError } from '@instar/contract'
import { ByteReader } from './bytes.ts'

/** What a VMDK's descriptor names outside of its own file. */
export interface VmdkDescriptor {
  readonly createType: string | undefined
  /** File names of the extents, as they stand there, not yet judged. */
  readonly extents: readonly string[]
  readonly parent: string | undefined
}

/** What one VMDK file makes QEMU open besides itself. */
export interface VmdkReferences {
  /** The extents are other files: a text descriptor, or a sparse header of capacity 0, which holds one. */
  readonly extents: readonly string[]
  readonly parent: string | undefined
}

/** QEMU reads at most this much of a descriptor file. */
export const VMDK_DESCRIPTOR_BYTES = 1024 * 1024
const MAX_EXTENTS = 10_000
const SECTOR = 512
/** QEMU looks for the parent in 20 sectors from the second one on, wherever the header says the descriptor is. */
const PARENT_SEARCH = { at: SECTOR, length: 20 * SECTOR }

/**
 * Reads descriptor text. Looser than QEMU's own `sscanf` on purpose: each thing that QEMU could take for an extent must be seen here.
 * Throws `image.damaged` only for a number of extents that no disk has.
 */
export function parseVmdkDescriptor(text: string): VmdkDescriptor {
  const extents: string[] = []
  for (const match of text.matchAll(/RW\s{1,64}[+-]?\d{1,32}\s{0,64}[^\s"]{0,32}\s{0,64}"([^"\r\n]{1,1024})/g)) {
    extents.push(match[1] ?? '')
    if (extents.length > MAX_EXTENTS) throw new InstarError('image.damaged', `the vmdk image names more than ${MAX_EXTENTS} extents`)
  }
  return {
    createType: /createType\s{0,16}=\s{0,16}"([^"\r\n]{0,64})"/.exec(text)?.[1],
    extents,
    parent: /parentFileNameHint\s{0,16}=\s{0,16}"([^"]{0,4096})/.exec(text)?.[1],
  }
}

/** The files that QEMU would open for this VMDK. `head` is the first MiB of the file, or all of it. */
export function readVmdkReferences(head: Uint8Array): VmdkReferences {
  const reader = new ByteReader(head)
  if (reader.latin1(0, 4) === 'COWD') return { extents: [], parent: reader.latin1(0, 4096).includes('parentFileNameHint') ? '' : undefined }
  if (reader.latin1(0, 4) !== 'KDMV') return parseVmdkDescriptor(reader.latin1(0, VMDK_DESCRIPTOR_BYTES))

  const capacity = reader.u64le(12)
  const descriptorAt = reader.u64le(28)
  if (capacity === undefined || descriptorAt === undefined) throw new InstarError('image.damaged', 'the vmdk image ends inside its header')
  const embedded = parseVmdkDescriptor(embeddedDescriptor(reader, descriptorAt))
  const parent = embedded.parent ?? parseVmdkDescriptor(reader.latin1(PARENT_SEARCH.at, PARENT_SEARCH.length)).parent
  // The extent line of an embedded descriptor names the file itself, by a name it may have lost since; QEMU does not follow it.
  if (capacity !== 0n) return { extents: [], parent }
  return { extents: embedded.extents, parent }
}

/** True for a sparse extent that is a descriptor of further extents, which QEMU would follow. */
export function isNestedDescriptor(head: Uint8Array): boolean {
  const reader = new ByteReader(head)
  return reader.latin1(0, 4) === 'KDMV' && (reader.u64le(12) ?? 0n) === 0n
}

function embeddedDescriptor(reader: ByteReader, atSector: bigint): string {
  if (atSector === 0n) return ''
  const at = atSector * BigInt(SECTOR)
  if (at >= BigInt(reader.bytes.byteLength))
    throw new InstarError('image.damaged', `the vmdk image has its descriptor at ${at}, beyond what is read`)
  return reader.latin1(Number(at), VMDK_DESCRIPTOR_BYTES)
}
