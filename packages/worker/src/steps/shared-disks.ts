import type { Instance } from '@instar/contract/api'
import type { InfoStore, StepContext } from '@instar/engine'
import type { TaskCall } from '../providers/provider.ts'
import { readExportInfo } from './step-info.ts'

type Disk = Instance['devices']['disks'][number]

/**
 * The machine with the owner of each disk: of a disk that several machines of the transfer share, the first of them that tells of it
 * (coriolis-api.md 5.12). Called after all of them told.
 */
export async function withOwners(context: StepContext, store: InfoStore): Promise<Instance> {
  const exportInfo = readExportInfo(context.info, context.task.instance)
  const { disks } = exportInfo.devices
  if (context.execution.instanceCount < 2) return exportInfo
  // Ids of disks may be the same in each machine (VMware counts from 2000); only disks that say so are shared.
  const shared = disks.some(disk => disk.shareable) ? await ownersOfShared(context, store) : new Map<string, string>()
  const owned = disks.map(disk => ({ ...disk, owner: (disk.shareable && shared.get(disk.id)) || context.task.instance }))
  return { ...exportInfo, devices: { ...exportInfo.devices, disks: owned } }
}

async function ownersOfShared({ store: { db }, execution }: StepContext, store: InfoStore): Promise<Map<string, string>> {
  const owners = new Map<string, string>()
  for (const [instance, info] of await store.read(db, execution.actionId)) {
    const disks: readonly Disk[] = info['export_info'] === undefined ? [] : readExportInfo(info, instance).devices.disks
    for (const disk of disks) if (disk.shareable && !owners.has(disk.id)) owners.set(disk.id, instance)
  }
  return owners
}

/** The machine with the disks that are copied on its account; tells of the others. */
export function ownDisks(exportInfo: Instance, call: TaskCall<unknown, unknown>): Instance {
  const disks = exportInfo.devices.disks.filter(disk => {
    const isOwn = disk.owner === undefined || disk.owner === call.instance
    if (!isOwn)
      call.event('INFO', `Disk ${disk.id} is shared: it is copied with ${disk.owner}, and not attached to the deployed ${call.instance}`)
    return isOwn
  })
  return { ...exportInfo, devices: { ...exportInfo.devices, disks } }
}
