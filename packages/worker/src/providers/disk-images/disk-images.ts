import { stat } from 'node:fs/promises'
import { InstarError } from '@instar/contract'
import type { Provider } from '../provider.ts'
import { createDestination } from './destination.ts'
import type { HostPaths } from './host-paths.ts'
import { listInventory } from './inventory.ts'
import { listMachines } from './machines.ts'
import { createMinionPool } from './minion-pool.ts'
import { DiskImagesConnection, type DiskImagesDestination, type DiskImagesPool, type DiskImagesSource } from './settings.ts'
import { diskImagesSource } from './source.ts'
import { WarmAppliances } from './warm-appliances.ts'

/** Machines as folders of disk images: raw, qcow2, vmdk, vhdx and vdi to read, qcow2 to write, QEMU to run. See docs/guides/disk-images.md. */
export function createDiskImages(
  paths: HostPaths,
): Provider<DiskImagesConnection, DiskImagesSource, DiskImagesDestination, DiskImagesPool> {
  const warm = new WarmAppliances(paths)
  return {
    platform: 'disk-images',
    connection: DiskImagesConnection,
    validateConnection: async ({ connection }) => {
      for (const folder of [connection.folder, ...Object.values(connection.storage)]) {
        const status = await stat(folder).catch(() => undefined)
        if (status?.isDirectory() !== true) throw new InstarError('provider.refused', `${folder} is no folder on the worker's host`)
      }
      await listMachines(connection.folder)
    },
    inventory: ({ connection, signal }) => listInventory(connection.folder, signal),
    source: diskImagesSource,
    destination: createDestination(paths, warm),
    destinationPool: createMinionPool(paths, warm),
  }
}
