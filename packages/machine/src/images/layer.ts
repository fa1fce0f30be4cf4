import { mkdtemp, open, realpath, rm, rmdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { InstarError } from '@instar/contract'
import { makeFolder } from '../make-folder.ts'
import type { BlockNode, ImageLink } from './block-node.ts'
import { blockNode, nodeName } from './block-node.ts'
import { isInMemory, requireFreeSpace } from './free-space.ts'
import { isKept } from './keep.ts'
import { formatOwner, thisOwner } from './owner.ts'
import type { ProbedImage } from './probe.ts'
import { runQemuImg } from './qemu-img.ts'
import { sweepLayers } from './sweep.ts'

/** A qcow2 file that takes all writes to an image. Disposing removes it, unless it was kept (`keepLayers`) or a commit of it has begun. */
export interface Layer extends AsyncDisposable {
  readonly image: ProbedImage
  /** The qcow2 file; its backing reference is complete, so that a program may open it by name. */
  readonly file: string
  /** Holds the file and nothing else of others. */
  readonly directory: string
  readonly virtualBytes: number
  /** The layer, the image, and what that is based on. */
  readonly chain: readonly ImageLink[]
  /** The same for QEMU, with every driver and file named. */
  readonly node: BlockNode
}

export interface LayerRequest {
  readonly image: ProbedImage
  /** Where the layer's own folder is made; see `folderBeside` for work that ends in place. */
  readonly dir: string
  /** Makes the disk larger. */
  readonly virtualBytes?: number
  /** What the work is expected to write; refused at once when less is free (`image.no-space`). Default 256 MiB. */
  readonly needBytes?: number
  readonly signal: AbortSignal
}

export const LAYER_FILE = 'layer.qcow2'
export const SUFFIX_LENGTH = 6
const BESIDE = '.instar-layers'
const DEFAULT_NEED_BYTES = 256 * 1024 * 1024
/** QEMU's limit on a backing reference. */
const MAX_REFERENCE_BYTES = 1023

/** The folder for layers that are committed in place: on the same file system as the image, so that both survive or are lost together. */
export function folderBeside(image: { readonly path: string }): string {
  return join(dirname(image.path), BESIDE)
}

/** Makes a layer on an image; leftovers of dead runs in the same folder are removed first. */
export async function createLayer(request: LayerRequest): Promise<Layer> {
  const { image, signal } = request
  await sweepLayers(request.dir)
  const directory = await makeLayerDirectory(request.dir)
  await using undo = new AsyncDisposableStack()
  undo.defer(() => removeLayerDirectory(directory))

  await requireFreeSpace(directory, request.needBytes ?? DEFAULT_NEED_BYTES, `a layer on ${image.path}`)
  const virtualBytes = Math.max(image.virtualBytes, request.virtualBytes ?? 0)
  const file = join(directory, LAYER_FILE)
  await createLayerFile(image, file, virtualBytes, signal)
  undo.move()
  return openLayer(image, directory, virtualBytes)
}

/** Makes the qcow2 file of a layer alone; who calls cares for where it lies. */
export async function createLayerFile(image: ProbedImage, file: string, virtualBytes: number, signal: AbortSignal): Promise<void> {
  await makePrivateFile(file)
  // -u: qemu-img must not open what the image refers to; the size is known from the probe.
  const args = ['create', '-q', '-f', 'qcow2', '-u', '-b', backingReference(image), '-F', image.format, file, String(virtualBytes)]
  await runQemuImg(`the layer on ${image.path}`, args, { signal })
}

/** The layer in a folder that exists already. */
export function openLayer(image: ProbedImage, directory: string, virtualBytes: number): Layer {
  const file = join(directory, LAYER_FILE)
  const chain: ImageLink[] = [{ path: file, format: 'qcow2' }, ...image.chain]
  return {
    image,
    file,
    directory,
    virtualBytes,
    chain,
    node: blockNode(chain),
    [Symbol.asyncDispose]: async () => {
      if (!(await isKept(directory))) await removeLayerDirectory(directory)
    },
  }
}

/** Removes a layer's folder; the folder around it too when it is ours and empty. */
export async function removeLayerDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true })
  if (basename(dirname(directory)) === BESIDE) await rmdir(dirname(directory)).catch(() => undefined)
}

/** Refuses a layer that a power cut would take while the image survives it. */
export async function requireDurable(layer: Layer): Promise<void> {
  if (!(await isInMemory(layer.directory)) || (await isInMemory(dirname(layer.image.path)))) return
  throw new InstarError('internal.bug', `the layer ${layer.file} lies in memory (tmpfs), its image ${layer.image.path} does not`)
}

/** A folder name that shows its owner; mkdtemp adds the suffix of 6 characters. */
export function layerDirectoryName(suffix: string): string {
  return `layer-${formatOwner(thisOwner())}-${suffix}`
}

/**
 * What a program that opens the layer by name reads. An image alone is named by its path; a chain is spelled out with each driver, so that
 * no reference inside of an image is followed.
 */
function backingReference(image: ProbedImage): string {
  const reference = image.chain.length === 1 ? image.path : nodeName(blockNode(image.chain))
  if (Buffer.byteLength(reference) <= MAX_REFERENCE_BYTES) return reference
  throw new InstarError(
    'image.path-refused',
    `${image.path}: a reference to it (with its backing files) takes more than ${MAX_REFERENCE_BYTES} bytes`,
  )
}

/** A new folder of ours in `dir`, which another run removes once we are dead. */
export async function makeLayerDirectory(dir: string): Promise<string> {
  // Another run may remove the empty folder between our two calls.
  for (let tries = 0; ; tries += 1) {
    try {
      await makeFolder(dir, 0o700)
      return await mkdtemp(join(await realpath(dir), layerDirectoryName('')))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' && tries < 3) continue
      if (code === 'ENOSPC' || code === 'EDQUOT')
        throw new InstarError('image.no-space', `no space left for a layer in ${dir}`, { cause: error })
      throw new InstarError(basename(dir) === BESIDE ? 'image.not-in-place' : 'host.no-access', `no layer can be made in ${dir}`, {
        cause: error,
      })
    }
  }
}

/** A layer holds what guests hold: for our eyes only. qemu-img keeps the mode of a file that exists. */
async function makePrivateFile(file: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  await handle.close()
}
