import { InstarError } from '@instar/contract'
import { ByteReader } from './bytes.ts'

/**
 * Refuses a VHD that is a difference to a parent, or a dynamic one whose end is cut off: QEMU has no check for this format.
 * `head` and `tail` are the first and the last 512 bytes; a fixed disk has its footer at the end, a dynamic one at both.
 */
export function requireWholeVhd(head: Uint8Array, tail: Uint8Array): void {
  const isDynamic = isFooter(head)
  if (!isFooter(tail)) throw new InstarError('image.damaged', 'the vpc image does not end in its footer: it is cut short')
  const type = new ByteReader(isDynamic ? head : tail).u32be(60)
  if (type === 4)
    throw new InstarError('image.backing-refused', 'the vpc image is a differencing disk: it needs a parent that it names itself')
  if (type !== 2 && type !== 3) throw new InstarError('image.damaged', `the vpc image is of the unknown type ${type ?? ''}`)
}

/** Refuses a VDI that is a difference to, or an undo log of, another one, or whose end is cut off, which QEMU's check does not see. */
export function requireWholeVdi(header: Uint8Array, sizeBytes: number): void {
  const reader = new ByteReader(header)
  const type = reader.u32le(0x4c)
  const dataAt = reader.u32le(0x1_58)
  const blockBytes = reader.u32le(0x1_78)
  const blocks = reader.u32le(0x1_84)
  if (type === undefined || dataAt === undefined || blockBytes === undefined || blocks === undefined) {
    throw new InstarError('image.damaged', 'the vdi image ends inside its header')
  }
  if (type !== 1 && type !== 2)
    throw new InstarError('image.backing-refused', `the vdi image is of type ${type}: only whole disks (1 and 2) are read`)
  const needBytes = dataAt + blocks * blockBytes
  if (needBytes > sizeBytes)
    throw new InstarError('image.damaged', `the vdi image is cut short: needed ${needBytes} bytes, there are ${sizeBytes}`)
}

function isFooter(bytes: Uint8Array): boolean {
  return new ByteReader(bytes).latin1(0, 8) === 'conectix'
}
