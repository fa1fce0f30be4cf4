/** One member of a cpio archive; `dataAt` is where its content starts in the buffer that was read. */
export interface CpioMember {
  readonly path: string
  readonly mode: number
  readonly ino: number
  readonly nlink: number
  readonly sizeBytes: number
  readonly dataAt: number
}

export interface CpioArchive {
  readonly members: CpioMember[]
  /** First byte after the archive (its padding not included). */
  readonly end: number
  /** Why the reading stopped before the trailer; members up to there are valid. */
  readonly damage?: string
}

const HEADER_BYTES = 110
/** The kernel skips members with longer names (PATH_MAX). */
const MAX_NAME_BYTES = 4096
const TRAILER = 'TRAILER!!!'

export function isCpioMagic(bytes: Buffer, at: number): boolean {
  return bytes.subarray(at, at + 5).toString('latin1') === '07070' && (bytes[at + 5] === 0x31 || bytes[at + 5] === 0x32)
}

/**
 * Reads one newc or crc archive that starts at `start`; never throws. `maxMembers` bounds the memory: more is reported as damage.
 * Format: kernel documentation, driver-api/early-userspace/buffer-format (110-byte header of 8-digit hex numbers, parts padded to 4).
 */
export function readCpio(bytes: Buffer, start: number, maxMembers: number): CpioArchive {
  const members: CpioMember[] = []
  let at = start
  const stop = (damage: string): CpioArchive => ({ members, end: at, damage })
  for (;;) {
    if (at + HEADER_BYTES > bytes.length) return stop('the archive ends without its trailer')
    if (!isCpioMagic(bytes, at)) return stop(`no cpio header at byte ${at}`)
    const field = (index: number): number => hex8(bytes, at + 6 + 8 * index)
    const nameBytes = field(11)
    const sizeBytes = field(6)
    if (Number.isNaN(nameBytes) || Number.isNaN(sizeBytes) || nameBytes < 1 || nameBytes > MAX_NAME_BYTES) {
      return stop(`a broken cpio header at byte ${at}`)
    }
    const dataAt = start + padded(at - start + HEADER_BYTES + nameBytes)
    const next = start + padded(dataAt - start + sizeBytes)
    if (dataAt + sizeBytes > bytes.length) return stop('the archive ends within a file')
    const name = bytes.toString('utf8', at + HEADER_BYTES, at + HEADER_BYTES + nameBytes - 1)
    if (name === TRAILER) return { members, end: Math.min(next, bytes.length) }
    if (members.length >= maxMembers) return stop(`more than ${maxMembers} entries`)
    members.push({ path: name, mode: field(1), ino: field(0), nlink: field(4), sizeBytes, dataAt })
    at = next
  }
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4
}

function hex8(bytes: Buffer, at: number): number {
  const text = bytes.toString('latin1', at, at + 8)
  return /^[0-9a-fA-F]{8}$/.test(text) ? Number.parseInt(text, 16) : Number.NaN
}
