import { extname } from 'node:path'
import { InstarError } from '@instar/contract/errors'
import {
  commitLayers,
  createLayer,
  folderBeside,
  keepLayers,
  listKeptLayers,
  lockImages,
  openKeptLayer,
  probeImage,
  releaseLayers,
  requireInPlace,
  requireOutputPossible,
  writeOutputs,
  type ImageFormat,
  type ImageLink,
  type ImageLocks,
  type Layer,
  type Output,
  type OutputFormat,
  type ProbedImage,
} from '@instar/machine'
import { describeLeftWork, findKeptWork } from '../kept/kept-work.ts'

/** The images of a machine under work: locked, unchanged, each with a layer that takes all writes. Disposing drops what was not kept. */
export interface Workspace extends AsyncDisposable {
  readonly layers: readonly Layer[]
  /** Writes the work into the images, or as new images beside them. */
  publish(options: PublishOptions): Promise<void>
  /** Keeps the layers for `--resume` and `instar shell`, and gives their files. */
  keep(runId: string): Promise<string[]>
}

export interface PublishOptions {
  readonly runId: string
  readonly signal: AbortSignal
  readonly onPercent: (file: string, percent: number) => void
}

export interface WorkspaceRequest {
  readonly images: readonly string[]
  readonly format?: ImageFormat
  readonly allowBacking: readonly string[]
  /** New images in the order of the sources; empty = in place. */
  readonly outputs: readonly { readonly file: string; readonly format?: OutputFormat }[]
  readonly force: boolean
  /** Where layers lie that are not committed in place: a source may be on a read-only file system. */
  readonly layerDir: string
  /** Goes on with the layers that this run kept. */
  readonly resume?: string
  readonly signal: AbortSignal
  readonly say: (message: string) => void
}

/** Everything that can be refused is refused here, before a minion is started and before any byte is written. */
export async function openWorkspace(request: WorkspaceRequest): Promise<Workspace> {
  const { signal, say, outputs } = request
  await using stack = new AsyncDisposableStack()
  const locks = stack.use(await lockImages(request.images, { mode: outputs.length === 0 ? 'exclusive' : 'shared', signal, say }))
  const layers = request.resume === undefined ? await newLayers(request, stack) : await keptLayers(request, request.resume)
  const owned = stack.move()
  return {
    layers,
    publish: options => publish({ request, layers, locks }, options),
    keep: async runId => {
      await keepLayers(layers, runId)
      return layers.map(({ file }) => file)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function newLayers(request: WorkspaceRequest, stack: AsyncDisposableStack): Promise<Layer[]> {
  const { signal } = request
  const options = {
    allowBacking: [...request.allowBacking, ...request.images],
    signal,
    ...(request.format === undefined ? {} : { format: request.format }),
  }
  const images: ProbedImage[] = []
  for (const file of request.images) images.push(await probeImage(file, options))
  await requirePublishable(request, images)
  await tellOfKeptWork(request, images)
  const layers: Layer[] = []
  for (const image of images) layers.push(stack.use(await createLayer({ image, dir: layerFolder(request, image), signal })))
  return layers
}

/** A run begun anew leaves what earlier ones kept as it is, and makes it stale when it succeeds in place. */
async function tellOfKeptWork(request: WorkspaceRequest, images: readonly ProbedImage[]): Promise<void> {
  const works = await findKeptWork(
    [...images.map(folderBeside), request.layerDir],
    images.map(({ path }) => path),
  )
  for (const work of works) request.say(describeLeftWork(work))
}

async function keptLayers(request: WorkspaceRequest, runId: string): Promise<Layer[]> {
  const probed = await Promise.all(
    request.images.map(file =>
      probeImage(file, { allowBacking: [...request.allowBacking, ...request.images], skipCheck: true, signal: request.signal }),
    ),
  )
  const kept = await listKeptLayers(
    probed.map(image => layerFolder(request, image)),
    { runId },
  )
  if (kept.length !== request.images.length) {
    throw new InstarError('run.not-resumable', `run ${runId} kept ${kept.length} layers; the machine has ${request.images.length} disks`)
  }
  await requirePublishable(request, probed)
  return Promise.all(kept.map(layer => openKeptLayer(layer, request.signal)))
}

async function requirePublishable(request: WorkspaceRequest, images: readonly ProbedImage[]): Promise<void> {
  if (request.outputs.length === 0) for (const image of images) await requireInPlace(image)
  else await requireOutputPossible(outputsOf(request, images), request.force)
}

async function publish(
  work: { request: WorkspaceRequest; layers: readonly Layer[]; locks: ImageLocks },
  options: PublishOptions,
): Promise<void> {
  const { request, layers, locks } = work
  if (request.outputs.length === 0) await commitLayers(layers, { ...options, locks })
  else {
    await writeOutputs(outputsOf(request, layers), { ...options, force: request.force })
    await releaseLayers(layers)
  }
}

/** A layer that is committed lies beside its image, so that both survive or are lost together. */
function layerFolder(request: WorkspaceRequest, image: ProbedImage): string {
  return request.outputs.length === 0 ? folderBeside(image) : request.layerDir
}

/** New images of these disks: of the layers, or, to ask whether they can be, of the sources. */
function outputsOf(request: WorkspaceRequest, disks: readonly { readonly chain: readonly ImageLink[] }[]): Output[] {
  return request.outputs.map(({ file, format }, at) => ({ chain: disks[at]!.chain, file, format: format ?? formatByEnding(file) }))
}

const ENDINGS: Readonly<Record<string, OutputFormat>> = {
  '.raw': 'raw',
  '.img': 'raw',
  '.qcow2': 'qcow2',
  '.vmdk': 'vmdk',
  '.vhdx': 'vhdx',
  '.vdi': 'vdi',
}

function formatByEnding(file: string): OutputFormat {
  const format = ENDINGS[extname(file).toLowerCase()]
  if (format === undefined) {
    throw new InstarError('usage.bad-argument', `the format of ${file} is not told by its ending`, {
      hint: 'Give --output-format raw|qcow2|vmdk|vhdx|vdi.',
    })
  }
  return format
}
