import { access, constants } from 'node:fs/promises'
import { InstarError } from '@instar/contract'
import { makeFolder } from '@instar/machine'
import type { DestinationCall, DestinationHalf } from '../destination-half.ts'
import { checkNetworks, NETWORKS } from './networks.ts'
import { cleanUpInstance, deployInstance, finalizeInstance } from './instances.ts'
import { watchFirstBoot } from './first-boot.ts'
import { createMorphing } from './morphing.ts'
import type { HostPaths } from './host-paths.ts'
import { chooseStorage, storageFolders, DEFAULT_STORAGE } from './places.ts'
import { DiskImagesDestination, type DiskImagesConnection } from './settings.ts'
import { createSnapshots, deleteSnapshots, restoreSnapshots } from './snapshots.ts'
import type { WarmAppliances } from './warm-appliances.ts'
import { deleteDisks, deployDisks, discardDisks, openDestinationDisk, requireReplicas } from './volumes.ts'

export type DiskImagesTask = DestinationCall<DiskImagesConnection, DiskImagesDestination>

const OPTIONS = [
  { name: 'bus', values: ['virtio', 'nvme'], config_default: 'virtio' },
  { name: 'firmware', values: ['bios', 'uefi'] },
  { name: 'network', values: ['keep', 'dhcp'], config_default: 'keep' },
  { name: 'accel', values: ['auto', 'kvm', 'tcg'], config_default: 'auto' },
]

/** Replicas and machines in a folder of this host. */
export function createDestination(paths: HostPaths, warm: WarmAppliances): DestinationHalf<DiskImagesConnection, DiskImagesDestination> {
  return {
    environment: DiskImagesDestination,
    listNetworks: async () => NETWORKS.map(network => ({ ...network })),
    listStorage: async ({ connection }) => ({
      storage_backends: [...storageFolders(connection).keys()].map(name => ({ id: name, name })),
      config_default: DEFAULT_STORAGE,
    }),
    listOptions: async (_call, names) => OPTIONS.filter(({ name }) => names?.includes(name) ?? true),

    validateTransfer: async (call, { exportInfo }) => {
      checkNetworks(call, exportInfo)
      for (const disk of exportInfo.devices.disks) await requireWritable(chooseStorage(call.connection, call.storageMappings, disk))
    },
    validateDeployment: async (call, { exportInfo, volumes }) => {
      checkNetworks(call, exportInfo)
      await requireReplicas(volumes)
    },
    update: async (_call, { volumes }) => volumes,

    deployDisks,
    discardDisks,
    deleteDisks: async (_call, volumes) => await deleteDisks(volumes),
    deployResources: async (_call, { volumes }) => ({ resources: {}, connectionInfo: {}, volumes }),
    deleteResources: async (_call, { volumes }) => volumes,
    openDisk: async (call, { volume }) => openDestinationDisk(call, volume),

    createSnapshots,
    deleteSnapshots,
    restoreSnapshots,

    deployInstance,
    finalizeInstance: (call, request) => finalizeInstance(call, request, paths),
    watchFirstBoot,
    cleanUpInstance,
    morphing: createMorphing(paths, warm),
  }
}

export async function requireWritable(folder: string): Promise<void> {
  try {
    await makeFolder(folder)
    await access(folder, constants.R_OK | constants.W_OK)
  } catch (cause) {
    throw new InstarError('provider.refused', `the folder ${folder} cannot be written`, { cause })
  }
}
