import { InstarError } from '@instar/contract'
import { ByteReader } from './bytes.ts'

/** What must be known of a qcow2 file before anything opens it. Source of the layout: QEMU's docs/interop/qcow2.txt. */
export interface Qcow2Header {
  readonly version: 2 | 3
  readonly clusterBytes: number
  readonly virtualBytes: number
  /** The name as it stands in the file, not yet judged. */
  readonly backingFile: string | undefined
  readonly backingFormat: string | undefined
  /** Guest data lies in another file; its name, or '' where the image does not say it. */
  readonly dataFile: string | undefined
  readonly isEncrypted: boolean
  readonly isMarkedCorrupt: boolean
}

/** The header, its extensions and the backing name all lie in the first cluster, which is at most 2 MiB. */
export const QCOW2_HEADER_BYTES = 2 * 1024 * 1024

const EXTENSION_BACKING_FORMAT = 0xe2_79_2a_ca
const EXTENSION_DATA_FILE = 0x44_41_54_41
const INCOMPATIBLE_CORRUPT = 2n
const INCOMPATIBLE_DATA_FILE = 4n
/** QEMU's own limit on a backing name. */
const MAX_NAME_BYTES = 1023
const MAX_EXTENSIONS = 1000

/** Reads the first cluster of a qcow2 file; anything that QEMU would read otherwise than we do is `image.damaged`. */
export function parseQcow2Header(bytes: Uint8Array): Qcow2Header {
  const reader = new ByteReader(bytes)
  if (reader.latin1(0, 4) !== 'QFI\xfb') throw damaged('has no qcow2 magic')
  const version = reader.u32be(4)
  if (version !== 2 && version !== 3)
    throw new InstarError('image.unsupported', `qcow2 version ${version ?? 'unknown'}; versions 2 and 3 are read`)
  const clusterBits = reader.u32be(20)
  if (clusterBits === undefined || clusterBits < 9 || clusterBits > 21) throw damaged(`claims clusters of 2^${clusterBits ?? '?'} bytes`)
  const clusterBytes = 2 ** clusterBits

  const features = version === 3 ? (reader.u64be(72) ?? 0n) : 0n
  const extensions = readExtensions(reader, version, clusterBytes)
  return {
    version,
    clusterBytes,
    virtualBytes: readSize(reader),
    backingFile: readBackingName(reader, clusterBytes),
    backingFormat: extensions.backingFormat,
    dataFile: extensions.dataFile ?? ((features & INCOMPATIBLE_DATA_FILE) === 0n ? undefined : ''),
    isEncrypted: reader.u32be(32) !== 0,
    isMarkedCorrupt: (features & INCOMPATIBLE_CORRUPT) !== 0n,
  }
}

function readSize(reader: ByteReader): number {
  const size = reader.u64be(24)
  if (size === undefined) throw damaged('ends inside its header')
  if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged(`claims a disk of ${size} bytes`)
  return Number(size)
}

function readBackingName(reader: ByteReader, clusterBytes: number): string | undefined {
  const offset = reader.u64be(8)
  const length = reader.u32be(16)
  if (offset === undefined || length === undefined) throw damaged('ends inside its header')
  if (offset === 0n) return undefined
  if (length > MAX_NAME_BYTES || offset + BigInt(length) > BigInt(clusterBytes)) {
    throw damaged(`has a backing file name of ${length} bytes at ${offset}, outside its first cluster`)
  }
  const name = reader.utf8(Number(offset), length)
  if (name === undefined) throw damaged('has a backing file name that is cut off or not UTF-8')
  // QEMU reads it as a C string.
  return name.split('\0', 1)[0] ?? ''
}

interface Extensions {
  backingFormat: string | undefined
  dataFile: string | undefined
}

function readExtensions(reader: ByteReader, version: 2 | 3, clusterBytes: number): Extensions {
  const found: Extensions = { backingFormat: undefined, dataFile: undefined }
  const backingOffset = Number(reader.u64be(8) ?? 0n)
  const end = backingOffset === 0 ? clusterBytes : Math.min(backingOffset, clusterBytes)
  let at = version === 3 ? (reader.u32be(100) ?? 104) : 72
  for (let count = 0; count < MAX_EXTENSIONS && at + 8 <= end; count += 1) {
    const magic = reader.u32be(at)
    const length = reader.u32be(at + 4)
    if (magic === undefined || length === undefined || magic === 0) return found
    if (at + 8 + length > end) throw damaged(`has a header extension of ${length} bytes that does not fit`)
    if (magic === EXTENSION_BACKING_FORMAT) found.backingFormat = reader.latin1(at + 8, Math.min(length, 64))
    if (magic === EXTENSION_DATA_FILE) found.dataFile = reader.utf8(at + 8, length) ?? ''
    at += 8 + Math.ceil(length / 8) * 8
  }
  return found
}

function damaged(what: string): InstarError {
  return new InstarError('image.damaged', `the qcow2 image ${what}`)
}
