import { open } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { requireFreeSpace } from '../images/free-space.ts'
import { readAt } from '../images/image-file.ts'
import { ABSENT, CLUSTER_BYTES, FIRST_DATA_CLUSTER, ZERO } from './cluster-map.ts'
import { finishImage } from './finish-image.ts'
import { readOwnImage, type OwnImage } from './read-map.ts'

/** Neighbouring clusters are copied together, up to so many. */
const MAX_RUN_CLUSTERS = 64

/**
 * Writes to `target` one image in the place of several that are based on each other, the oldest first: based on what the oldest is based on,
 * with the content and size of the newest. The images themselves are only read.
 */
export async function mergeImages(files: readonly string[], target: string, signal: AbortSignal): Promise<number> {
  const images: OwnImage[] = []
  for (const file of files) images.push(await readOwnImage(file))
  const [oldest, newest] = [images[0]!, images.at(-1)!]
  const owner = chooseOwners(images)
  const copied = owner.reduce((count, from, at) => (from >= 0 && images[from]!.map[at]! > ZERO ? count + 1 : count), 0)
  await requireFreeSpace(
    dirname(target),
    copied * CLUSTER_BYTES,
    `the merge of ${files.map(file => basename(file)).join(', ')} in ${dirname(target)}`,
  )
  const map = await copyClusters({ files, images, owner, target }, signal)
  if (oldest.backingFile === undefined) return await finishImage(target, { virtualBytes: newest.virtualBytes }, withoutZeroes(map))
  return await finishImage(target, { virtualBytes: newest.virtualBytes, backingFile: oldest.backingFile }, map)
}

/** For each cluster of the newest disk the image that holds it, or -1. What lies beyond the end of a smaller image between is zero. */
function chooseOwners(images: readonly OwnImage[]): Int16Array {
  const clusters = images.at(-1)!.map.length
  const owner = new Int16Array(clusters).fill(-1)
  for (const [index, { map }] of images.entries()) {
    for (let at = 0; at < clusters; at += 1) if (at >= map.length || map[at] !== ABSENT) owner[at] = index
  }
  return owner
}

interface Work {
  readonly files: readonly string[]
  readonly images: readonly OwnImage[]
  readonly owner: Int16Array
  readonly target: string
}

async function copyClusters({ files, images, owner, target }: Work, signal: AbortSignal): Promise<Uint32Array> {
  await using stack = new AsyncDisposableStack()
  const out = stack.use(await open(target, 'w', 0o600))
  const sources = []
  for (const file of files) sources.push(stack.use(await open(file, 'r')))
  const map = new Uint32Array(owner.length)
  let next = FIRST_DATA_CLUSTER
  for (let at = 0; at < owner.length;) {
    const from = owner[at]!
    // Beyond the end of the image that owns it (a disk that had shrunk) it is zero.
    const entry = from < 0 ? ABSENT : (images[from]!.map[at] ?? ZERO)
    if (entry <= ZERO) {
      map[at] = entry
      at += 1
      continue
    }
    const run = runLength(owner, images[from]!.map, at)
    signal.throwIfAborted()
    const bytes = await readAt(sources[from]!, entry * CLUSTER_BYTES, run * CLUSTER_BYTES)
    await out.write(bytes, 0, bytes.length, next * CLUSTER_BYTES)
    for (let index = 0; index < run; index += 1) map[at + index] = next + index
    next += run
    at += run
  }
  return map
}

/** How many clusters from here on come from the same image and lie there one after another. */
function runLength(owner: Int16Array, map: Uint32Array, at: number): number {
  let run = 1
  while (run < MAX_RUN_CLUSTERS && owner[at + run] === owner[at] && map[at + run] === map[at]! + run) run += 1
  return run
}

/** With nothing below, what is absent is zero already. */
function withoutZeroes(map: Uint32Array): Uint32Array {
  return map.map(entry => (entry === ZERO ? ABSENT : entry))
}
