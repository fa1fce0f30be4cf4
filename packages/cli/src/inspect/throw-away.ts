import { join } from 'node:path'
import {
  createLayer,
  folderBeside,
  listKeptLayers,
  lockImages,
  openKeptLayer,
  probeImage,
  type KeptLayer,
  type Layer,
  type ProbedImage,
} from '@instar/machine'
import type { ImageOptions } from '../commands/options.ts'
import type { Context } from '../context.ts'
import { chooseKept } from './choose-kept.ts'

/** Layers on images that nothing is committed from; the images are locked for readers and stay as they are. */
export async function openThrowAwayLayers(
  context: Context,
  wanted: {
    images: readonly string[]
    options: ImageOptions
    /** Takes the layers that a failed run kept, where there are some. */ keptFirst?: boolean
  },
): Promise<AsyncDisposable & { readonly layers: readonly Layer[]; readonly areKept: boolean }> {
  const { images, options } = wanted
  const { signal } = context
  await using stack = new AsyncDisposableStack()
  stack.use(await lockImages(images, { mode: 'shared', signal, say: message => context.stderr.write(`${message}\n`) }))
  const probed = []
  for (const file of images) {
    probed.push(
      await probeImage(file, {
        allowBacking: [...(options.allowBacking ?? []), ...images],
        signal,
        ...(options.format === undefined ? {} : { format: options.format }),
      }),
    )
  }
  const kept = wanted.keptFirst === true ? await findKept(context, probed) : undefined
  const layers: Layer[] = []
  if (kept !== undefined) for (const layer of kept) layers.push(await openKeptLayer(layer, signal))
  else
    for (const image of probed) layers.push(stack.use(await createLayer({ image, dir: join(context.paths.runtimeDir, 'layers'), signal })))
  const owned = stack.move()
  return { layers, areKept: kept !== undefined, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Layers of work in place lie beside the images, those of new images (`--output`) in the state folder. */
async function findKept(context: Context, images: readonly ProbedImage[]): Promise<KeptLayer[] | undefined> {
  const folders = [...images.map(folderBeside), join(context.paths.stateDir, 'layers')]
  return chooseKept(
    await listKeptLayers(folders),
    images.map(({ path }) => path),
  )
}
