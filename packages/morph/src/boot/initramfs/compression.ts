import { Buffer } from 'node:buffer'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import { type HostProgram, filterThrough } from './host-program.ts'
import { unpackLz4Legacy } from './lz4.ts'
import { type Unpacked, damaged } from './unpacked.ts'
import { xzStreamEnd } from './xz-end.ts'

export type Compression = 'gzip' | 'zstd' | 'xz' | 'lz4' | 'lzma' | 'bzip2' | 'lzo'

/** First bytes of the streams that kernels unpack (kernel lib/decompress.c). */
const MAGICS: readonly (readonly [Compression, string])[] = [
  ['gzip', '1f8b'],
  ['zstd', '28b52ffd'],
  ['xz', 'fd377a585a00'],
  ['lz4', '02214c18'],
  ['bzip2', '425a68'],
  ['lzo', '894c5a4f'],
  ['lzma', '5d0000'],
]

const PROGRAMS: Record<'xz' | 'lzma' | 'bzip2' | 'lzo', HostProgram> = {
  xz: { argv: ['xz', '--decompress', '--stdout', '--single-stream', '--memlimit-decompress=256MiB'], debianPackage: 'xz-utils' },
  lzma: { argv: ['xz', '--format=lzma', '--decompress', '--stdout', '--memlimit-decompress=256MiB'], debianPackage: 'xz-utils' },
  bzip2: { argv: ['bzip2', '--decompress', '--stdout'], debianPackage: 'bzip2' },
  lzo: { argv: ['lzop', '--decompress', '--stdout'], debianPackage: 'lzop' },
}

/** A 100 MB image takes xz some 10 s on a slow core; a program that takes longer is stuck. */
const PROGRAM_TIMEOUT_MS = 120_000

export function detectCompression(bytes: Buffer, at: number): Compression | undefined {
  const head = bytes.subarray(at, at + 6).toString('hex')
  return MAGICS.find(([, magic]) => head.startsWith(magic))?.[0]
}

export interface UnpackOptions {
  readonly maxBytes: number
  readonly signal: AbortSignal
}

/**
 * Unpacks the stream at `start`. Of lzma, bzip2 and lzo the end of the stream is not known: all that follows counts as theirs. Throws only
 * when the signal is aborted.
 */
export async function unpackStream(bytes: Buffer, start: number, kind: Compression, options: UnpackOptions): Promise<Unpacked> {
  if (kind === 'gzip') return unpackGzip(bytes, start, options.maxBytes)
  if (kind === 'zstd') return unpackZstd(bytes, start, options.maxBytes)
  if (kind === 'lz4') return unpackLz4Legacy(bytes, start, options.maxBytes)
  const end = kind === 'xz' ? xzStreamEnd(bytes, start) : bytes.length
  if (end === undefined) return damaged('the xz stream is cut off or broken')
  const limits = { ...options, timeoutMs: PROGRAM_TIMEOUT_MS, toleratesRest: kind !== 'xz' }
  return filterThrough(PROGRAMS[kind], bytes.subarray(start, end), limits)
}

interface Inflated {
  readonly buffer: Buffer
  readonly engine: { readonly bytesWritten: number }
}
type Inflate = (input: Buffer, options: { info: true; maxOutputLength: number }) => Promise<Inflated>
const inflateRaw = promisify(zlib.inflateRaw) as unknown as Inflate
const zstdDecompress = promisify(zlib.zstdDecompress) as unknown as Inflate

/** All members that follow each other directly. The raw stream is inflated, because `gunzip` of Node fails on an archive that follows. */
async function unpackGzip(bytes: Buffer, start: number, maxBytes: number): Promise<Unpacked> {
  return unpackEach(bytes, { start, maxBytes, kind: 'gzip' }, async (at, room) => {
    const bodyAt = gzipBodyAt(bytes, at)
    if (bodyAt === undefined) return undefined
    const { buffer, engine } = await inflateRaw(bytes.subarray(bodyAt), { info: true, maxOutputLength: room })
    const end = bodyAt + engine.bytesWritten
    if (end + 8 > bytes.length || bytes.readUInt32LE(end) !== zlib.crc32(buffer)) return undefined
    return { data: buffer, end: end + 8 }
  })
}

async function unpackZstd(bytes: Buffer, start: number, maxBytes: number): Promise<Unpacked> {
  return unpackEach(bytes, { start, maxBytes, kind: 'zstd' }, async (at, room) => {
    const { buffer, engine } = await zstdDecompress(bytes.subarray(at), { info: true, maxOutputLength: room })
    return { data: buffer, end: at + engine.bytesWritten }
  })
}

interface EachOptions {
  readonly start: number
  readonly maxBytes: number
  readonly kind: 'gzip' | 'zstd'
}
type UnpackOne = (at: number, room: number) => Promise<{ data: Buffer; end: number } | undefined>

async function unpackEach(bytes: Buffer, { start, maxBytes, kind }: EachOptions, unpackOne: UnpackOne): Promise<Unpacked> {
  const pieces: Buffer[] = []
  let [at, total] = [start, 0]
  do {
    const one = await unpackOne(at, Math.max(1, maxBytes - total)).catch((error: unknown) => (isTooBig(error) ? 'too-big' : undefined))
    if (one === 'too-big') return { kind: 'too-big', maxBytes }
    if (one === undefined || one.end <= at) return damaged(`the ${kind} stream at byte ${at} is cut off or broken`)
    pieces.push(one.data)
    total += one.data.length
    at = one.end
  } while (detectCompression(bytes, at) === kind)
  return { kind: 'ok', data: pieces.length === 1 ? (pieces[0] ?? Buffer.alloc(0)) : Buffer.concat(pieces), consumedBytes: at - start }
}

function isTooBig(error: unknown): boolean {
  return error instanceof RangeError || (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
}

/** Where the deflate data of a gzip member starts (RFC 1952, 2.3), or `undefined` when the header is cut off. */
function gzipBodyAt(bytes: Buffer, start: number): number | undefined {
  const flags = bytes[start + 3] ?? 0
  let at = start + 10
  if (flags & 4) at += 2 + (at + 2 <= bytes.length ? bytes.readUInt16LE(at) : 0)
  for (const flag of [8, 16]) {
    if (!(flags & flag)) continue
    const end = bytes.indexOf(0, at)
    if (end < 0) return undefined
    at = end + 1
  }
  if (flags & 2) at += 2
  return at < bytes.length ? at : undefined
}
