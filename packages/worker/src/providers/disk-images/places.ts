import { link, mkdir, readdir, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { InstarError } from '@instar/contract'
import type { Instance, StorageMappings } from '@instar/contract/api'
import { blockNode, nodeName, runQemuImg, type ImageLink } from '@instar/machine'
import type { Own } from '../provider.ts'
import { OWN_FOLDER } from './machines.ts'
import type { DiskImagesConnection } from './settings.ts'

export const DEFAULT_STORAGE = 'default'

/** Replicas of all transfers to a storage, a folder for each disk. */
export function replicasIn(storageFolder: string): string {
  return join(storageFolder, OWN_FOLDER, 'replicas')
}

/** A machine while it is being made; it is moved to its place when it is whole. */
export function stagingOf({ folder }: DiskImagesConnection, key: string): string {
  return join(folder, OWN_FOLDER, 'deploying', key)
}

export function storageFolders({ folder, storage }: DiskImagesConnection): ReadonlyMap<string, string> {
  return new Map([[DEFAULT_STORAGE, folder], ...Object.entries(storage)])
}

/** The folder that a disk's replica goes to, by the mappings of disks, of storages, and the default. `provider.refused` for an unknown one. */
export function chooseStorage(
  connection: DiskImagesConnection,
  mappings: StorageMappings,
  disk: Instance['devices']['disks'][number],
): string {
  const { disk_mappings = [], backend_mappings = [] } = mappings
  const wanted =
    disk_mappings.find(({ disk_id }) => disk_id === disk.id)?.destination ??
    backend_mappings.find(({ source }) => source === disk.storage_backend_identifier)?.destination ??
    mappings.default ??
    DEFAULT_STORAGE
  const folders = storageFolders(connection)
  const folder = folders.get(wanted)
  if (folder !== undefined) return folder
  throw new InstarError('provider.refused', `there is no storage ${wanted} at the destination; there are ${[...folders.keys()].join(', ')}`)
}

/** What an entry of `volumes_info` tells of its replica. */
export function replicaFolder(volume: Own): string {
  const folder = volume['replica_folder']
  if (typeof folder === 'string') return folder
  throw new InstarError('provider.failed', `nothing is known of the replica of the disk ${String(volume['disk_id'])}`)
}

/** The names in one of our folders that begin so; none where there is no such folder. */
export async function namesIn(folder: string, prefix = ''): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).filter(name => name.startsWith(prefix))
}

/**
 * Puts a chain of images that are never changed into a folder, under their own names: by links of the file system where it can, which take no
 * space and keep the files whatever becomes of the chain; else as one image, a copy.
 */
export async function holdChain(chain: readonly ImageLink[], folder: string, signal: AbortSignal): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  try {
    for (const { path } of chain) await link(path, join(folder, basename(path)))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EMLINK') throw error
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { mode: 0o700 })
    const top = join(folder, basename(chain[0]!.path))
    await runQemuImg(top, ['convert', '-O', 'qcow2', nodeName(blockNode(chain)), top], { signal })
  }
}
