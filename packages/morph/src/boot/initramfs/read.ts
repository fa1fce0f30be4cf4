import type { Buffer } from 'node:buffer'
import { type Compression, detectCompression, unpackStream } from './compression.ts'
import { isCpioMagic, readCpio } from './cpio.ts'
import { type ImageFiles, addMembers, createImageFiles } from './image-files.ts'
import { type PeHeader, parsePe, peSection } from './pe.ts'

export interface InitramfsPart {
  /** Where it starts in the file. */
  readonly at: number
  readonly compression: Compression | 'none'
  readonly entries: number
}

/**
 * What an initramfs holds, read without the kernel and without guest programs. `whole`: read to its end. `damaged`: cut off or broken, the
 * kernel would not get all of it. `unreadable`: we cannot tell (a program is missing, an unknown form). `too-big`: over our limits.
 */
export interface InitramfsReading extends ImageFiles {
  readonly state: 'whole' | 'damaged' | 'unreadable' | 'too-big'
  /** Why the state is not `whole`. */
  readonly problem?: string
  readonly sizeBytes: number
  readonly parts: readonly InitramfsPart[]
  /** Present when the file is a unified kernel image: signed or not, it cannot be appended to. */
  readonly uki?: { readonly cmdline?: string; readonly uname?: string; readonly isSigned: boolean }
}

export interface InitramfsLimits {
  readonly unpackedBytes: number
  readonly entries: number
}

/** The largest images seen have 250 MB unpacked and 12,000 entries. */
export const INITRAMFS_LIMITS: InitramfsLimits = { unpackedBytes: 256 * 1024 * 1024, entries: 100_000 }

interface ReadOptions {
  readonly signal: AbortSignal
  readonly limits?: InitramfsLimits
}

type Outcome = Pick<InitramfsReading, 'state' | 'problem'>
const WHOLE: Outcome = { state: 'whole' }

/** Reads all archives of an image or of the .initrd section of a UKI. Throws only when the signal is aborted. */
export async function readInitramfs(bytes: Buffer, { signal, limits = INITRAMFS_LIMITS }: ReadOptions): Promise<InitramfsReading> {
  const image = createImageFiles()
  const parts: InitramfsPart[] = []
  const pe = parsePe(bytes)
  const body = pe === undefined ? bytes : peSection(bytes, pe, '.initrd')
  const base = { ...image, parts, sizeBytes: bytes.length, ...(pe === undefined ? {} : { uki: readUki(bytes, pe) }) }
  if (body === undefined) return { ...base, state: 'unreadable', problem: 'an EFI program without a whole .initrd section' }
  const outcome = await readParts({ bytes: body, image, parts, limits, signal })
  return { ...base, ...outcome }
}

interface Walk {
  readonly bytes: Buffer
  readonly image: ImageFiles
  readonly parts: InitramfsPart[]
  readonly limits: InitramfsLimits
  readonly signal: AbortSignal
}

/** The kernel takes any mix of plain and compressed archives with zero bytes between them (init/initramfs.c, unpack_to_rootfs). */
async function readParts(walk: Walk): Promise<Outcome> {
  const { bytes, parts, limits, signal } = walk
  let left = limits.unpackedBytes
  let at = skipZeros(bytes, 0)
  while (at < bytes.length) {
    signal.throwIfAborted()
    const compression = detectCompression(bytes, at)
    if (isCpioMagic(bytes, at)) {
      const plain = addArchive(walk, bytes, at)
      parts.push({ at, compression: 'none', entries: plain.entries })
      if (plain.outcome !== WHOLE) return plain.outcome
      at = skipZeros(bytes, plain.end)
    } else if (compression === undefined) {
      return atUnknownBytes(walk, at)
    } else {
      const unpacked = await unpackStream(bytes, at, compression, { maxBytes: left, signal })
      if (unpacked.kind !== 'ok') return toOutcome(unpacked)
      left = Math.max(1, left - unpacked.data.length)
      const inner = addAllArchives(walk, unpacked.data)
      parts.push({ at, compression, entries: inner.entries })
      if (inner.outcome !== WHOLE) return inner.outcome
      at = skipZeros(bytes, at + unpacked.consumedBytes)
    }
  }
  return parts.length === 0 ? { state: 'damaged', problem: 'the file is empty' } : WHOLE
}

function toOutcome(unpacked: Exclude<Awaited<ReturnType<typeof unpackStream>>, { kind: 'ok' }>): Outcome {
  if (unpacked.kind === 'damaged') return { state: 'damaged', problem: unpacked.reason }
  if (unpacked.kind === 'too-big') return { state: 'too-big', problem: `it unpacks to more than ${unpacked.maxBytes} bytes` }
  return { state: 'unreadable', problem: `${unpacked.program} is needed on this host (Debian package ${unpacked.debianPackage})` }
}

/** After a whole archive the kernel only warns about what it does not know; an image that starts so is none. */
function atUnknownBytes({ image, parts, bytes }: Walk, at: number): Outcome {
  if (parts.length === 0) return { state: 'damaged', problem: `neither an archive nor a known compression at byte ${at}` }
  image.notes.push(`${bytes.length - at} bytes of unknown content at the end`)
  return WHOLE
}

interface Added {
  readonly entries: number
  readonly end: number
  readonly outcome: Outcome
}

function addArchive({ image, limits }: Walk, data: Buffer, at: number): Added {
  const archive = readCpio(data, at, Math.max(0, limits.entries - image.entries.size))
  addMembers(image, archive.members, data)
  const outcome: Outcome = archive.damage === undefined ? WHOLE : { state: 'damaged', problem: archive.damage }
  return { entries: archive.members.length, end: archive.end, outcome }
}

function addAllArchives(walk: Walk, data: Buffer): Added {
  let entries = 0
  let at = skipZeros(data, 0)
  while (at < data.length) {
    const added = addArchive(walk, data, at)
    entries += added.entries
    if (added.outcome !== WHOLE) return { ...added, entries }
    at = skipZeros(data, added.end)
  }
  return { entries, end: at, outcome: WHOLE }
}

function readUki(bytes: Buffer, pe: PeHeader): NonNullable<InitramfsReading['uki']> {
  const text = (name: string): string | undefined =>
    peSection(bytes, pe, name)
      ?.toString('utf8', 0, 64 * 1024)
      .replaceAll('\0', '')
      .trim()
  const [cmdline, uname] = [text('.cmdline'), text('.uname')]
  return { isSigned: pe.isSigned, ...(cmdline === undefined ? {} : { cmdline }), ...(uname === undefined ? {} : { uname }) }
}

function skipZeros(bytes: Buffer, start: number): number {
  let at = start
  while (at < bytes.length && bytes[at] === 0) at++
  return at
}
