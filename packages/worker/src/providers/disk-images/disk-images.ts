import { stat } from 'node:fs/promises'
import { InstarError } from '@instar/contract'
import type { Provider } from '../provider.ts'
import { createDestination } from './destination.ts'
import type { HostPaths } from './host-paths.ts'
import { describeMachine, listMachines } from './machines.ts'
import { createMinionPool } from './minion-pool.ts'
import { runningPid } from './power.ts'
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
      await listMachines(connection.folder, () => undefined)
    },
    inventory: async ({ connection, signal }) => {
      const rows = [['name', 'os_type', 'num_cpu', 'memory_mb', 'disks', 'disk_bytes', 'running', 'described_in']]
      for (const machine of await listMachines(connection.folder, () => undefined)) {
        const { disks } = (await describeMachine(connection.folder, machine, signal)).devices
        const { os_type, num_cpu, memory_mb } = machine.described
        const bytes = disks.reduce((sum, disk) => sum + disk.size_bytes, 0)
        const isRunning = (await runningPid(machine.folder)) !== undefined
        rows.push([machine.name, os_type, num_cpu, memory_mb, disks.length, bytes, isRunning ? 'yes' : 'no', machine.file].map(String))
      }
      return rows
    },
    source: diskImagesSource,
    destination: createDestination(paths, warm),
    destinationPool: createMinionPool(paths, warm),
  }
}
