import { InstarError } from '@instar/contract'
import type { ImageFormat } from '../machine.ts'
import { ByteReader } from './bytes.ts'

/** How much of a file's end `sniffFormat` wants: the footer of a VHD. */
export const TAIL_BYTES = 512

const TEXT_DESCRIPTOR = /^\s*# *Disk Descriptor ?File/i

/** Formats that QEMU would read and we do not; as raw disks they would be nonsense, so they are refused by name. */
const REFUSED: readonly { readonly magic: string; readonly at: number; readonly what: string }[] = [
  { magic: 'QED\0', at: 0, what: 'a QED image' },
  { magic: 'WithoutFreeSpace', at: 0, what: 'a Parallels image' },
  { magic: 'WithouFreSpacExt', at: 0, what: 'a Parallels image' },
  { magic: '\x1f\x8b', at: 0, what: 'compressed by gzip' },
  { magic: '\xfd7zXZ\0', at: 0, what: 'compressed by xz' },
  { magic: '\x28\xb5\x2f\xfd', at: 0, what: 'compressed by zstd' },
  { magic: 'BZh', at: 0, what: 'compressed by bzip2' },
  { magic: 'PK\x03\x04', at: 0, what: 'a zip archive' },
  { magic: 'ustar', at: 257, what: 'a tar archive (an OVA holds its disks as members)' },
]

/**
 * The format that a file's own bytes claim; `raw` when they claim none. `head` is the beginning, `tail` the last 512 bytes.
 * QEMU is never asked to guess, since a guest may write any header into the first sector of its raw disk.
 */
export function sniffFormat(head: Uint8Array, tail: Uint8Array): ImageFormat {
  const reader = new ByteReader(head)
  const start = reader.latin1(0, 32)
  if (start.startsWith('QFI\xfb')) return qcowVersion(reader)
  if (start.startsWith('KDMV') || start.startsWith('COWD') || TEXT_DESCRIPTOR.test(reader.latin1(0, 512))) return 'vmdk'
  if (start.startsWith('vhdxfile')) return 'vhdx'
  if (reader.u32le(0x40) === 0xbe_da_10_7f) return 'vdi'
  if (start.startsWith('conectix') || isVhdFooter(tail)) return 'vpc'

  const refused = REFUSED.find(entry => reader.latin1(entry.at, entry.magic.length) === entry.magic)
  if (refused !== undefined)
    throw new InstarError('image.unsupported', `the file is ${refused.what}, which is not a disk image that Instar reads`)
  return 'raw'
}

function qcowVersion(reader: ByteReader): ImageFormat {
  const version = reader.u32be(4)
  if (version === 2 || version === 3) return 'qcow2'
  throw new InstarError('image.unsupported', `the file is a qcow image of version ${version ?? 'unknown'}; versions 2 and 3 are read`)
}

/** A fixed VHD has no header, only a footer: cookie and checksum must both be right, since a raw disk may end in anything. */
function isVhdFooter(tail: Uint8Array): boolean {
  if (tail.byteLength !== TAIL_BYTES) return false
  const reader = new ByteReader(tail)
  if (reader.latin1(0, 8) !== 'conectix') return false
  const sum = tail.reduce((total, byte, at) => (at >= 64 && at < 68 ? total : total + byte), 0)
  return reader.u32be(64) === ~sum >>> 0
}
