import { join } from 'node:path'
import { createLayer, folderBeside, lockImages, openKeptLayer, probeImage, type Layer, type ProbedImage } from '@instar/machine'
import type { ImageOptions } from '../commands/options.ts'
import type { Context } from '../context.ts'
import { chooseWork, describeLeftWork, findKeptWork, type KeptWork } from '../kept/kept-work.ts'

/** Layers on images that nothing is committed from; the images are locked for readers and stay as they are. */
export async function openThrowAwayLayers(
  context: Context,
  wanted: {
    images: readonly string[]
    options: ImageOptions
    /** Takes the layers that a failed run kept, where there are some. */ keptFirst?: boolean
  },
): Promise<AsyncDisposable & { readonly layers: readonly Layer[]; readonly keptBy?: string }> {
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
  if (kept !== undefined) for (const layer of kept.layers) layers.push(await openKeptLayer(layer, signal))
  else
    for (const image of probed) layers.push(stack.use(await createLayer({ image, dir: join(context.paths.runtimeDir, 'layers'), signal })))
  const owned = stack.move()
  return { layers, ...(kept === undefined ? {} : { keptBy: kept.runId }), [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Layers of work in place lie beside the images, those of new images (`--output`) in the state folder. */
async function findKept(context: Context, images: readonly ProbedImage[]): Promise<KeptWork | undefined> {
  const folders = [...images.map(folderBeside), join(context.paths.stateDir, 'layers')]
  const paths = images.map(({ path }) => path)
  const works = await findKeptWork(folders, paths)
  const chosen = chooseWork(works, paths)
  for (const work of works) if (work !== chosen) context.stderr.write(`! ${describeLeftWork(work)}\n`)
  if (chosen === undefined && works.length > 0) context.stderr.write('! the image itself is shown, on a throw-away layer\n')
  return chosen
}
