import { existsSync } from 'node:fs'
import { readdir, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { InstarError } from '@instar/contract'
import { syncFile, syncFolder } from './durable.ts'
import { fileIdentity, isSameFile } from './image-file.ts'
import type { KeepRecord } from './keep.ts'
import { readKeepRecord, releaseKept, writeKeepRecord } from './keep.ts'
import type { Layer } from './layer.ts'
import { LAYER_FILE, SUFFIX_LENGTH, layerDirectoryName, openLayer, removeLayerDirectory } from './layer.ts'
import { takeLocks } from './lock.ts'
import { probeImage } from './probe.ts'
import { ownerOfLayer } from './sweep.ts'

export interface KeptLayer {
  readonly directory: string
  readonly file: string
  readonly record: KeepRecord
}

/** Makes layers outlive this run, under its id and in the order of the disks; synced to disk. */
export async function keepLayers(layers: readonly Layer[], runId: string, reason: KeepRecord['reason'] = 'error'): Promise<void> {
  for (const [order, layer] of layers.entries()) {
    await syncFile(layer.file)
    const { image } = layer
    await writeKeepRecord(layer.directory, {
      version: 1,
      run_id: runId,
      reason,
      kept_at: new Date().toISOString(),
      order,
      image: {
        path: image.path,
        format: image.format,
        virtual_bytes: image.virtualBytes,
        identity: image.identity,
        allow_backing: [...image.chain.slice(1).map(link => link.path), ...image.dataFiles],
      },
      layer_virtual_bytes: layer.virtualBytes,
    })
  }
}

/** The layers in these folders that a failed run kept, in the order of their disks. `of` narrows to a run or to an image's real path. */
export async function listKeptLayers(
  dirs: readonly string[],
  of: { readonly runId?: string; readonly path?: string } = {},
): Promise<KeptLayer[]> {
  const found: KeptLayer[] = []
  for (const dir of new Set(dirs)) {
    for (const name of await readdir(dir).catch(() => [])) {
      const directory = join(dir, name)
      if (ownerOfLayer(name) === undefined) continue
      const record = await readKeepRecord(directory).catch(() => undefined)
      if (record?.reason !== 'error') continue
      if ((of.runId ?? record.run_id) !== record.run_id || (of.path ?? record.image.path) !== record.image.path) continue
      found.push({ directory, file: join(directory, LAYER_FILE), record })
    }
  }
  return found.sort((a, b) => a.record.order - b.record.order)
}

/**
 * Opens a kept layer to go on with it, as ours from now on; it stays kept until it is committed. `image.changed` when its image is no longer
 * what it was. Lock the image before.
 */
export async function openKeptLayer(kept: KeptLayer, signal: AbortSignal): Promise<Layer> {
  const { image, run_id } = kept.record
  const stale = await whyStale(kept)
  if (stale !== undefined) {
    throw new InstarError('image.changed', `the layer that run ${run_id} kept no longer fits: ${stale}`, {
      hint: `Run again from the start. To remove what was kept: instar run discard ${run_id}`,
    })
  }
  const probed = await probeImage(image.path, { format: image.format, allowBacking: image.allow_backing, skipCheck: true, signal })
  const directory = await adopt(kept.directory)
  return openLayer(probed, directory, kept.record.layer_virtual_bytes)
}

/** Why a kept layer is of no use any more, as a sentence; `undefined` while it fits its image. */
export async function whyStale({ record: { image }, file }: KeptLayer): Promise<string | undefined> {
  const now = await fileIdentity(image.path).catch(() => undefined)
  if (now === undefined) return `${image.path} is not there any more`
  if (!isSameFile(now, image.identity)) return `${image.path} was changed meanwhile`
  const layer = await fileIdentity(file).catch(() => undefined)
  return layer === undefined ? `${file} is not there any more` : undefined
}

/** Removes for good what a run kept in these folders, and gives how many layers that were. `image.in-use` while a command works on them. */
export async function discardKeptLayers(dirs: readonly string[], runId: string): Promise<number> {
  const images = (await listKeptLayers(dirs, { runId })).map(({ record }) => record.image.path)
  await using _locks = await takeLocks(
    images.filter(path => existsSync(path)),
    'exclusive',
  )
  // Listed again: until the lock was ours, another command may have taken the layers over.
  const layers = await listKeptLayers(dirs, { runId })
  for (const { directory } of layers) {
    await releaseKept(directory)
    await removeLayerDirectory(directory)
  }
  return layers.length
}

/** Kept layers whose work is done (by `--output`, say) or given up: removed when they are disposed of, or with their run. */
export async function releaseLayers(layers: readonly { readonly directory: string }[]): Promise<void> {
  for (const layer of layers) await releaseKept(layer.directory)
}

/** The name of the folder tells its owner, and other runs tell by it what may be removed. */
async function adopt(directory: string): Promise<string> {
  const ours = join(dirname(directory), layerDirectoryName(directory.slice(-SUFFIX_LENGTH)))
  await rename(directory, ours)
  await syncFolder(dirname(directory))
  return ours
}
