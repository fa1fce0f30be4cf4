import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { BlockNode, ImageLink } from './block-node.ts'
import { topNode } from './block-node.ts'
import type { DiskSample } from './commit-journal.ts'
import { readAt } from './image-file.ts'
import type { MapExtent } from './qemu-img.ts'
import { mapDisk } from './qemu-img.ts'

const SAMPLES = 64
/** Clusters and the blocks of file systems are multiples of this, so that a sample lies in one of them. */
const SAMPLE_BYTES = 4096

/** Hashes of parts of the image that lie under, not in, the layer: a commit of the layer never writes there. */
export async function takeSamples(layerNode: BlockNode, image: ImageLink, signal: AbortSignal): Promise<DiskSample[]> {
  const untouched = (await mapDisk(layerNode, signal)).filter(extent => extent.depth === 1).filter(isPlainData)
  await using handle = await open(image.path, 'r')
  const samples: DiskSample[] = []
  for (const { extent, skip } of spreadSamples(untouched)) {
    const bytes = Math.min(SAMPLE_BYTES, extent.length - skip)
    samples.push({ at: extent.start + skip, bytes, sha256: sha256(await readAt(handle, extent.offset + skip, bytes)) })
  }
  return samples
}

/** False when the disk differs from the samples: it is another image than the one they were taken of. */
export async function fitsSamples(image: ImageLink, samples: readonly DiskSample[], signal: AbortSignal): Promise<boolean> {
  if (samples.length === 0) return true
  const placed = (await mapDisk(topNode(image), signal)).filter(isPlainData)
  await using handle = await open(image.path, 'r')
  for (const sample of samples) {
    const extent = placed.find(entry => entry.start <= sample.at && sample.at + sample.bytes <= entry.start + entry.length)
    // What is no data reads as zeros: so does a sample of zeros in a copy of the image that was made sparse.
    const bytes =
      extent === undefined ? Buffer.alloc(sample.bytes) : await readAt(handle, extent.offset + sample.at - extent.start, sample.bytes)
    if (sha256(bytes) !== sample.sha256) return false
  }
  return true
}

type PlacedExtent = MapExtent & { readonly offset: number }

/** At most 64 aligned places, evenly over the bytes of all extents. */
export function spreadSamples(extents: readonly PlacedExtent[]): { extent: PlacedExtent; skip: number }[] {
  const total = extents.reduce((sum, extent) => sum + extent.length, 0)
  const places: { extent: PlacedExtent; skip: number }[] = []
  let before = 0
  for (const extent of extents) {
    const wanted = (index: number) => Math.floor((index * total) / SAMPLES) - before
    for (let index = Math.ceil((before * SAMPLES) / Math.max(1, total)); index < SAMPLES && wanted(index) < extent.length; index += 1) {
      const skip = Math.floor(Math.max(0, wanted(index)) / SAMPLE_BYTES) * SAMPLE_BYTES
      const last = places.at(-1)
      if (last?.extent !== extent || last.skip !== skip) places.push({ extent, skip })
    }
    before += extent.length
  }
  return places
}

function isPlainData(extent: MapExtent): extent is PlacedExtent {
  return extent.data && extent.offset !== undefined && extent.compressed !== true
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
