import { InstarError } from '@instar/contract'
import type { ImageFormat } from '../machine.ts'
import type { ImageLink } from './block-node.ts'
import type { ImageBytes } from './image-file.ts'
import { readImageBytes } from './image-file.ts'
import { sniffFormat } from './image-format.ts'
import { parseQcow2Header } from './qcow2-header.ts'
import type { AllowedPlaces } from './reference.ts'
import { resolveReference } from './reference.ts'
import { requireWholeVdi, requireWholeVhd } from './vhd-header.ts'
import { VMDK_DESCRIPTOR_BYTES, isNestedDescriptor, readVmdkReferences } from './vmdk-header.ts'

/** Longer chains are refused: none that people make is, and a hostile one may be endless. */
const MAX_CHAIN = 64

export interface ImageChain {
  readonly links: readonly ImageLink[]
  readonly top: ImageBytes
  /** Files beside the links that hold guest data: extents of a vmdk. */
  readonly extents: readonly string[]
}

/**
 * Follows an image to everything that it refers to, by our own reading of the headers, and refuses what is not allowed. When this
 * returns, each file that QEMU would open is known; nothing has been opened by QEMU yet.
 */
export async function readChain(file: string, format: ImageFormat | undefined, allowed: AllowedPlaces): Promise<ImageChain> {
  const top = await readImageBytes(file)
  const links: ImageLink[] = []
  const extents: string[] = []
  let bytes: ImageBytes | undefined = top
  let expected = format
  while (bytes !== undefined) {
    if (links.some(link => link.path === bytes?.path)) throw refused(`${file}: its backing files go round in a circle at ${bytes.path}`)
    if (links.length === MAX_CHAIN) throw refused(`${file}: a chain of more than ${MAX_CHAIN} backing files`)
    const found: Found = await naming(bytes.path, () => readLink(bytes as ImageBytes, expected, allowed))
    links.push(found.link)
    extents.push(...found.extents)
    expected = found.backing?.format
    bytes = found.backing === undefined ? undefined : await readImageBytes(found.backing.path)
  }
  return { links, top, extents }
}

interface Found {
  readonly link: ImageLink
  readonly extents: readonly string[]
  readonly backing?: { readonly path: string; readonly format: ImageFormat | undefined }
}

async function readLink(bytes: ImageBytes, expected: ImageFormat | undefined, allowed: AllowedPlaces): Promise<Found> {
  const format = chooseFormat(bytes, expected)
  const link = { path: bytes.path, format }
  switch (format) {
    case 'qcow2':
      return await readQcow2(bytes, allowed)
    case 'vmdk':
      return await readVmdk(bytes, allowed)
    case 'vpc':
      requireWholeVhd(bytes.head, bytes.tail)
      return { link, extents: [] }
    case 'vdi':
      requireWholeVdi(bytes.head, bytes.identity.sizeBytes)
      return { link, extents: [] }
    case 'vhdx':
    case 'raw':
      return { link, extents: [] }
  }
}

/** What was named wins only as `raw` (any bytes may be a disk); as anything else it must be what the bytes say. */
function chooseFormat(bytes: ImageBytes, expected: ImageFormat | undefined): ImageFormat {
  if (expected === 'raw') return 'raw'
  const format = sniffFormat(bytes.head, bytes.tail)
  if (expected !== undefined && expected !== format)
    throw new InstarError('image.damaged', `it should be ${expected}, but its bytes are ${format}`)
  return format
}

async function readQcow2(bytes: ImageBytes, allowed: AllowedPlaces): Promise<Found> {
  const header = parseQcow2Header(bytes.head)
  if (header.isEncrypted) {
    throw new InstarError('image.unsupported', 'the qcow2 image is encrypted by QEMU', {
      hint: 'Decrypt it first with qemu-img convert and its key.',
    })
  }
  if (header.isMarkedCorrupt) throw new InstarError('image.damaged', 'the qcow2 image is marked as corrupt')
  const dataFile = header.dataFile === undefined ? undefined : await resolveReference(header.dataFile, bytes.path, allowed)
  const link = { path: bytes.path, format: 'qcow2' as const, ...(dataFile === undefined ? {} : { dataFile }) }
  if (header.backingFile === undefined) return { link, extents: [] }
  const backing = { path: await resolveReference(header.backingFile, bytes.path, allowed), format: backingFormat(header.backingFormat) }
  return { link, extents: [], backing }
}

async function readVmdk(bytes: ImageBytes, allowed: AllowedPlaces): Promise<Found> {
  const references = readVmdkReferences(bytes.head.subarray(0, VMDK_DESCRIPTOR_BYTES))
  const extents: string[] = []
  for (const name of references.extents) {
    const path = await resolveReference(name, bytes.path, allowed)
    const extent = await readImageBytes(path)
    if (isNestedDescriptor(extent.head)) throw refused(`its extent ${path} is itself a list of extents`)
    extents.push(path)
  }
  const link = { path: bytes.path, format: 'vmdk' as const }
  if (references.parent === undefined || references.parent === '') return requireNoHiddenParent(references.parent, { link, extents })
  return { link, extents, backing: { path: await resolveReference(references.parent, bytes.path, allowed), format: 'vmdk' } }
}

function requireNoHiddenParent(parent: string | undefined, found: Found): Found {
  if (parent === undefined) return found
  throw refused('the vmdk image names a parent in a way that is not read')
}

/** The format as the image states it. A backing file of no stated format is read by its own header, as the image itself is. */
function backingFormat(stated: string | undefined): ImageFormat | undefined {
  const formats: readonly string[] = ['raw', 'qcow2', 'vmdk', 'vhdx', 'vdi', 'vpc']
  if (stated === undefined || formats.includes(stated)) return stated as ImageFormat | undefined
  throw refused(`its backing file is of the format ${JSON.stringify(stated)}, which is not read`)
}

async function naming<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof InstarError) || error.message.includes(path)) throw error
    throw new InstarError(error.code, `${path}: ${error.message}`, { hint: error.hint, details: error.details, cause: error })
  }
}

function refused(message: string): InstarError {
  return new InstarError('image.backing-refused', message)
}
