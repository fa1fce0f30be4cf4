import { InstarError } from '@instar/contract'
import { runHostTool } from '../host/host-tool.ts'

const UNPACKERS = [
  { magic: [0x02, 0x21, 0x4c, 0x18], argv: ['lz4', '-dc', '-'], package: 'lz4' },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], argv: ['zstd', '-dc', '-'], package: 'zstd' },
  { magic: [0xfd, 0x37, 0x7a, 0x58], argv: ['xz', '-dc', '-'], package: 'xz-utils' },
  { magic: [0x1f, 0x8b, 0x08], argv: ['gzip', '-dc'], package: 'gzip' },
] as const

/** A kernel unpacks to 50–70 MB. */
const UNPACKED_MAX_BYTES = 512 * 1024 * 1024
const ELF_MAGIC = 0x7f454c46

interface Payload {
  readonly bytes: Buffer
  readonly unpackedBytes: number
}

/**
 * Unpacks the ELF kernel of a bzImage, so that QEMU enters it directly (PVH) and no emulated CPU has to unpack it at each boot.
 * Anything else than a bzImage throws `machine.build-failed`.
 */
export async function unpackKernel(bzImage: Buffer, signal: AbortSignal): Promise<Buffer> {
  const { bytes, unpackedBytes } = findPayload(bzImage)
  const unpacker = UNPACKERS.find(({ magic }) => magic.every((byte, index) => bytes[index] === byte))
  if (unpacker === undefined) throw notKernel(`packed in an unknown way (${bytes.toString('hex', 0, 4)})`)
  const pieces: Buffer[] = []
  await runHostTool(unpacker.argv, {
    signal,
    package: unpacker.package,
    stdin: bytes,
    onStdout: piece => pieces.push(piece),
    mayFail: true,
  })
  const kernel = Buffer.concat(pieces).subarray(0, unpackedBytes)
  if (kernel.length < unpackedBytes || kernel.readUInt32BE(0) !== ELF_MAGIC) {
    throw notKernel(`${kernel.length} of ${unpackedBytes} bytes came out of ${unpacker.argv[0]}`)
  }
  return kernel
}

/** Where the compressed kernel lies: the Linux x86 boot protocol (Documentation/arch/x86/boot.rst), from 2.08 on. */
export function findPayload(bzImage: Buffer): Payload {
  if (bzImage.length < 0x250 || bzImage.toString('latin1', 0x202, 0x206) !== 'HdrS') throw notKernel('no boot header')
  // 0 stands for 4 sectors, for the oldest loaders.
  const setupSectors = bzImage[0x1f1] || 4
  const start = (setupSectors + 1) * 512 + bzImage.readUInt32LE(0x248)
  const end = start + bzImage.readUInt32LE(0x24c)
  if (end > bzImage.length || end - start < 8) throw notKernel(`its payload ends at ${end} of ${bzImage.length} bytes`)
  // The build of the kernel appends the unpacked size to the compressed stream.
  const unpackedBytes = bzImage.readUInt32LE(end - 4)
  if (unpackedBytes > UNPACKED_MAX_BYTES || unpackedBytes < 4) throw notKernel(`it says that it unpacks to ${unpackedBytes} bytes`)
  return { bytes: bzImage.subarray(start, end), unpackedBytes }
}

function notKernel(why: string): InstarError {
  return new InstarError('machine.build-failed', `the kernel package holds no usable bzImage: ${why}`)
}
