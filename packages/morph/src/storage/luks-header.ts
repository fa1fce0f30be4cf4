import { InstarError } from '@instar/contract'

/** What a LUKS header says that is needed to map the container without cryptsetup. No secret in it. */
export interface LuksLayout {
  readonly version: 1 | 2
  readonly uuid: string
  /** Byte ranges of the device that a key derivation reads: headers and the areas of key slots. */
  readonly ranges: readonly ByteRange[]
  readonly segment: LuksSegment
}

interface ByteRange {
  readonly offset: number
  readonly length: number
}

interface LuksSegment {
  readonly offsetBytes: number
  /** `undefined`: to the end of the device. */
  readonly sizeBytes?: number
  readonly cipher: string
  readonly ivTweak: string
  readonly sectorSize: number
}

const MAGIC = Buffer.from('4c554b53babe', 'hex')
/** The default key slot area of LUKS2 ends here; what lies beyond is refused as nonsense. */
const MAX_HEADER_BYTES = 128 * 2 ** 20
const SECTOR_BYTES = 512

/**
 * Reads a LUKS 1 or 2 header from the first bytes of a container. The layout follows the on-disk format documents of cryptsetup (LUKS1
 * 1.2.3; LUKS2 1.1.0). Throws `storage.unsupported-luks` for a container in reencryption, with integrity data, or with a broken header.
 */
export function parseLuksHeader(start: Buffer): LuksLayout {
  if (start.length < 4096 || !start.subarray(0, 6).equals(MAGIC)) throw unsupported('the header is damaged')
  const version = start.readUInt16BE(6)
  if (version === 1) return parseLuks1(start)
  if (version === 2) return parseLuks2(start)
  throw unsupported(`header version ${version}`)
}

function parseLuks1(start: Buffer): LuksLayout {
  const payload = start.readUInt32BE(104) * SECTOR_BYTES
  const keyBytes = start.readUInt32BE(108)
  const slots = Array.from({ length: 8 }, (_, index) => 208 + index * 48)
  const active = slots.filter(at => start.readUInt32BE(at) === 0x00ac71f3)
  const ranges = active.map(at => ({ offset: start.readUInt32BE(at + 40) * SECTOR_BYTES, length: keyBytes * start.readUInt32BE(at + 44) }))
  return {
    version: 1,
    uuid: text(start.subarray(168, 208)),
    ranges: checkRanges([{ offset: 0, length: 4096 }, ...ranges]),
    segment: {
      offsetBytes: checkNumber(payload, 'payload offset'),
      cipher: checkCipher(`${text(start.subarray(8, 40))}-${text(start.subarray(40, 72))}`),
      ivTweak: '0',
      sectorSize: SECTOR_BYTES,
    },
  }
}

/** What may be there: a header that somebody else wrote may hold any JSON in any place. */
interface Luks2Metadata {
  keyslots?: Record<string, { area?: { offset?: unknown; size?: unknown } | null } | null> | null
  segments?: Record<string, Luks2Segment | null> | null
  config?: { requirements?: { mandatory?: unknown } | null } | null
}

interface Luks2Segment {
  type?: unknown
  offset?: unknown
  size?: unknown
  iv_tweak?: unknown
  encryption?: unknown
  sector_size?: unknown
  integrity?: unknown
}

function parseLuks2(start: Buffer): LuksLayout {
  const headerBytes = Number(start.readBigUInt64BE(8))
  if (headerBytes < 16_384 || headerBytes > 4 * 2 ** 20) throw unsupported(`header size ${headerBytes}`)
  const metadata = parseMetadata(start, headerBytes)
  const requirements = metadata.config?.requirements?.mandatory ?? []
  if (!isTexts(requirements)) throw unsupported('the header is damaged')
  if (requirements.some(name => name.includes('reencrypt')))
    throw unsupported('a reencryption is under way; let it end on the source first')
  if (requirements.length > 0) throw unsupported(`it requires ${requirements.join(', ')}`)
  const areas = Object.values(metadata.keyslots ?? {}).map(slot => ({
    offset: toNumber(slot?.area?.offset),
    length: toNumber(slot?.area?.size),
  }))
  return {
    version: 2,
    uuid: text(start.subarray(168, 208)),
    ranges: checkRanges([{ offset: 0, length: 2 * headerBytes }, ...areas]),
    segment: parseSegment(Object.values(metadata.segments ?? {})),
  }
}

function parseMetadata(start: Buffer, headerBytes: number): Luks2Metadata {
  if (start.length < headerBytes) throw unsupported(`the header has ${headerBytes} bytes, ${start.length} are there`)
  try {
    const parsed: unknown = JSON.parse(text(start.subarray(4096, headerBytes)))
    if (typeof parsed === 'object' && parsed !== null) return parsed
  } catch (error) {
    throw unsupported('the header is damaged', error)
  }
  throw unsupported('the header is damaged')
}

function parseSegment(segments: readonly (Luks2Segment | null)[]): LuksSegment {
  const [segment] = segments
  if (segments.length !== 1 || segment?.type !== 'crypt') throw unsupported(`it has ${segments.length} data segments`)
  if (segment.integrity) throw unsupported('it carries integrity data (dm-integrity)')
  const sectorSize = segment.sector_size ?? SECTOR_BYTES
  if (typeof sectorSize !== 'number' || ![512, 1024, 2048, 4096].includes(sectorSize))
    throw unsupported(`sector size ${typeof sectorSize === 'number' ? sectorSize : 'unknown'}`)
  return {
    offsetBytes: checkNumber(toNumber(segment.offset), 'segment offset'),
    ...(segment.size === 'dynamic' ? {} : { sizeBytes: checkNumber(toNumber(segment.size), 'segment size') }),
    cipher: checkCipher(segment.encryption),
    ivTweak: String(checkNumber(toNumber(segment.iv_tweak ?? '0'), 'IV tweak')),
    sectorSize,
  }
}

/** The cipher becomes a word of a device-mapper table. */
function checkCipher(cipher: unknown): string {
  if (typeof cipher !== 'string' || !/^[0-9a-zA-Z:()_,-]{1,128}$/.test(cipher)) throw unsupported('it names a cipher that is no cipher')
  return cipher
}

/** LUKS2 writes its numbers of 64 bits as texts. */
function toNumber(value: unknown): number {
  return typeof value === 'string' || typeof value === 'number' ? Number(value) : Number.NaN
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string')
}

function checkNumber(value: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 0) throw unsupported(`${what} is no number`)
  return value
}

function checkRanges(ranges: readonly ByteRange[]): ByteRange[] {
  const bad = ranges.find(({ offset, length }) => !(offset >= 0 && length >= 0 && offset + length <= MAX_HEADER_BYTES))
  if (bad) throw unsupported(`a key slot lies at ${bad.offset}, length ${bad.length}`)
  return [...ranges]
}

function text(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.subarray(0, end < 0 ? bytes.length : end).toString()
}

function unsupported(why: string, cause?: unknown): InstarError {
  return new InstarError('storage.unsupported-luks', `the LUKS container cannot be opened: ${why}`, cause === undefined ? {} : { cause })
}

/**
 * The table that maps the container, as `dmsetup create` reads it from its standard input. In bytes, so that the caller can zero it.
 */
export function cryptTable(segment: LuksSegment, container: { path: string; sizeBytes: number }, volumeKey: Uint8Array): Buffer {
  const { offsetBytes, cipher, ivTweak, sectorSize } = segment
  const available = container.sizeBytes - offsetBytes
  const bytes = Math.floor((segment.sizeBytes ?? available) / sectorSize) * sectorSize
  if (bytes <= 0 || bytes > available)
    throw unsupported(`its data begins at ${offsetBytes} and the device has ${container.sizeBytes} bytes`)
  const before = Buffer.from(`0 ${bytes / SECTOR_BYTES} crypt ${cipher} `)
  // Without iv_large_sectors: LUKS2 counts the IV in sectors of 512 bytes whatever the sector size (seen in the table of cryptsetup 2.6).
  const options = sectorSize === SECTOR_BYTES ? '' : ` 1 sector_size:${sectorSize}`
  const after = Buffer.from(` ${ivTweak} ${container.path} ${offsetBytes / SECTOR_BYTES}${options}\n`)
  const table = Buffer.alloc(before.length + volumeKey.length * 2 + after.length)
  before.copy(table)
  writeHex(volumeKey, table, before.length)
  after.copy(table, before.length + volumeKey.length * 2)
  return table
}

/** Not by way of a string, which cannot be zeroed. */
function writeHex(bytes: Uint8Array, into: Buffer, at: number): void {
  const digits = Buffer.from('0123456789abcdef')
  bytes.forEach((byte, index) => {
    into[at + index * 2] = digits[byte >> 4]!
    into[at + index * 2 + 1] = digits[byte & 15]!
  })
}
