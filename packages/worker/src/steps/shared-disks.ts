import type { Instance } from '@instar/contract/api'
import type { InfoStore, StepContext } from '@instar/engine'
import type { TaskCall } from '../providers/provider.ts'
import { readExportInfo } from './step-info.ts'

type Disk = Instance['devices']['disks'][number]

/**
 * The machine with the owner of each disk: of a disk that several machines of the transfer share, the first of them that tells of it
 * (coriolis-api.md 5.12). Called after all of them told.
 */
export async function withOwners(context: StepContext, owners: SharedDiskOwners): Promise<Instance> {
  const exportInfo = readExportInfo(context.info, context.task.instance)
  const { disks } = exportInfo.devices
  if (context.execution.instanceCount < 2) return exportInfo
  // Ids of disks may be the same in each machine (VMware counts from 2000); only disks that say so are shared.
  const shared = disks.some(disk => disk.shareable) ? await owners.of(context) : new Map<string, string>()
  const owned = disks.map(disk => ({ ...disk, owner: (disk.shareable && shared.get(disk.id)) || context.task.instance }))
  return { ...exportInfo, devices: { ...exportInfo.devices, disks: owned } }
}

/** Executions whose owners are remembered: those that this worker has disks made for at the moment. */
const MAX_EXECUTIONS = 8

/**
 * The owners of shared disks by the disks' ids, gathered once for each execution: with many machines in it, each of them would read all the others
 * anew. Kept as long as the worker lives; the machines tell of their disks before any of them asks.
 */
export class SharedDiskOwners {
  readonly #info: InfoStore
  readonly #byExecution = new Map<string, Promise<ReadonlyMap<string, string>>>()

  constructor(info: InfoStore) {
    this.#info = info
  }

  of(context: StepContext): Promise<ReadonlyMap<string, string>> {
    const { id } = context.execution
    const known = this.#byExecution.get(id)
    if (known !== undefined) return known
    const gathering = ownersOfShared(context, this.#info)
    this.#byExecution.set(id, gathering)
    gathering.catch(() => this.#byExecution.delete(id))
    // The first of a map is what was asked for longest ago.
    for (const oldest of this.#byExecution.keys()) if (this.#byExecution.size > MAX_EXECUTIONS) this.#byExecution.delete(oldest)
    return gathering
  }
}

async function ownersOfShared({ store: { db }, execution }: StepContext, store: InfoStore): Promise<ReadonlyMap<string, string>> {
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
