import { InstarError } from '@instar/contract'
import type { ImageFormat } from '../machine.ts'
import type { ImageLink } from './block-node.ts'
import { topNode } from './block-node.ts'
import { readChain } from './chain.ts'
import type { FileIdentity } from './image-file.ts'
import { checkTables, readVirtualBytes } from './qemu-img.ts'
import { allowedPlaces } from './reference.ts'

export interface ProbedImage {
  /** As it was named. */
  readonly file: string
  /** The same with all links followed. */
  readonly path: string
  readonly format: ImageFormat
  readonly virtualBytes: number
  /** What the file itself takes on the host's disk, without backing files. */
  readonly allocatedBytes: number
  /** The image, then what it is based on; with drivers named for QEMU. */
  readonly chain: readonly ImageLink[]
  /** Further files that hold its data (vmdk extents, qcow2 data files of any link). */
  readonly dataFiles: readonly string[]
  readonly identity: FileIdentity
}

export interface ProbeOptions {
  /** What the user says that it is; without it the header decides. */
  readonly format?: ImageFormat
  /** Files, and folders with all in them, that an image may refer to. */
  readonly allowBacking: readonly string[]
  /** Leaves the check of the tables out, for an image that was probed before. */
  readonly skipCheck?: boolean
  readonly signal: AbortSignal
}

/** No disk that people have is larger, and sizes stay far from the end of what a number holds. */
const MAX_VIRTUAL_BYTES = 64 * 1024 ** 4
/** What holds a file system or a CD is larger; an NVMe disk of no bytes would never show up in the appliance. */
const MIN_VIRTUAL_BYTES = 32 * 1024

/**
 * What an image file is. Refuses (`image.backing-refused`) every reference to a file that is not allowed before QEMU opens anything,
 * then lets qemu-img check its tables (`image.damaged`, also for a disk too short to be one). `image.in-use` when a machine runs on it.
 */
export async function probeImage(file: string, options: ProbeOptions): Promise<ProbedImage> {
  const chain = await readChain(file, options.format, await allowedPlaces(options.allowBacking))
  const [top] = chain.links
  if (top === undefined) throw new InstarError('internal.bug', `the chain of ${file} is empty`)
  const sizes: number[] = []
  // QEMU's own locks tell here whether a machine writes to any file of the chain.
  for (const link of chain.links) sizes.push(await readVirtualBytes(topNode(link), options.signal))
  const [virtualBytes = 0] = sizes
  if (Math.max(...sizes) > MAX_VIRTUAL_BYTES) {
    throw new InstarError('image.unsupported', `${file}: its disk is of ${Math.max(...sizes)} bytes, the limit is ${MAX_VIRTUAL_BYTES}`)
  }
  if (virtualBytes < MIN_VIRTUAL_BYTES) {
    throw new InstarError('image.damaged', `${file}: its disk is of ${virtualBytes} bytes, the least is ${MIN_VIRTUAL_BYTES}`, {
      hint: 'It was cut off in copying, or is another file: copy the image again from its source, or name the right file.',
    })
  }
  if (!options.skipCheck) for (const link of chain.links) if (link.format !== 'raw') await checkTables(topNode(link), options.signal)
  return {
    file,
    path: top.path,
    format: top.format,
    virtualBytes,
    allocatedBytes: chain.top.allocatedBytes,
    chain: chain.links,
    dataFiles: [...chain.extents, ...chain.links.flatMap(link => link.dataFile ?? [])],
    identity: chain.top.identity,
  }
}
