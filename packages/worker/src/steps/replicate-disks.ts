import type { Instance } from '@instar/contract/api'
import type { Info } from '@instar/engine'
import type { Volume } from '../providers/disks.ts'
import type { Deployed } from '../providers/source-half.ts'
import { openDestination, openSource, type DestinationSide, type MakeStep, type SourceSide } from './side.ts'
import { readExportInfo, readOwn, readReleasedVolumes, readVolumes } from './step-info.ts'

/** Disks of one machine that are copied at once. More only take the links and disks of the copy from each other. */
const DISKS_AT_ONCE = 4

interface Ends {
  readonly source: SourceSide
  readonly destination: DestinationSide
  readonly exportInfo: Instance
}

/** Copies what changed of each disk; the volumes keep the state that the next copy starts from. */
export const replicateDisks: MakeStep = world => ({
  run: async context => {
    const { type, instance } = context.task
    const source = await openSource(world, context, type)
    const destination = await openDestination(world, context, type)
    const exportInfo = readExportInfo(context.info, instance)
    await forgetReleased(source, exportInfo)
    const failed = new AbortController()
    const signal = AbortSignal.any([context.signal, failed.signal])
    const volumes = await mapSome(readVolumes(context.info), DISKS_AT_ONCE, volume =>
      replicateDisk({ source, destination, exportInfo }, volume, signal).catch((error: unknown) => {
        // The other disks need not go on for an execution that has failed.
        failed.abort(error)
        throw error
      }),
    )
    return { volumes_info: volumes, ...(readReleasedVolumes(context.info).length > 0 && { released_volumes: [] }) }
  },
})

/** Before the copy leaves anything of its own there: a platform may know only what belongs to a machine, not to which copy. */
async function forgetReleased({ half, call, context }: SourceSide, exportInfo: Instance): Promise<void> {
  const volumes = readReleasedVolumes(context.info)
  if (volumes.length > 0) await half.deleteSnapshots(call, { exportInfo, volumes })
}

async function replicateDisk({ source, destination, exportInfo }: Ends, volume: Volume, signal: AbortSignal): Promise<Volume> {
  const { call, context } = source
  const disk = exportInfo.devices.disks.find(({ id }) => id === volume.disk_id)
  if (!disk) {
    call.event('WARNING', `Disk ${volume.disk_id} is no longer part of ${call.instance}: its replica stays as it is`)
    return volume
  }
  await using from = await source.half.openDisk(
    { ...call, signal },
    { exportInfo, volumes: readVolumes(context.info), diskId: disk.id, helper: helperOf(context.info, 'source', 'origin') },
  )
  await using to = await destination.half.openDisk(
    { ...destination.call, signal },
    { volume, sizeBytes: from.sizeBytes, helper: helperOf(context.info, 'target', 'destination') },
  )
  const state = await to.receive(from, {
    signal,
    executionId: context.execution.id,
    verify: context.execution.options['verify'] === true,
    progress: (done, total) => call.progress(`Replicating disk ${disk.id}`, done, total),
  })
  return { ...volume, replica_state: state }
}

/** The machine of the pool, where there is one, else what was made for this copy. */
function helperOf(info: Info, side: 'source' | 'target', pool: 'origin' | 'destination'): Deployed | null {
  const minion = readOwn(info, `${pool}_minion_provider_properties`)
  if (minion) {
    const writer = readOwn(info, `${pool}_minion_backup_writer_connection_info`)
    return { resources: minion, connectionInfo: writer ?? readOwn(info, `${pool}_minion_connection_info`) ?? {} }
  }
  const resources = readOwn(info, `${side}_resources`)
  return resources && { resources, connectionInfo: readOwn(info, `${side}_resources_connection_info`) ?? {} }
}

/** The results in the order of the items; a failure is thrown when all that were begun have ended. */
async function mapSome<T, R>(items: readonly T[], limit: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const failures: unknown[] = []
  let next = 0
  const lanes = Array.from({ length: Math.min(limit, items.length) }, async () => {
    while (next < items.length && failures.length === 0) {
      const at = next++
      await work(items[at]!).then(
        result => (results[at] = result),
        (error: unknown) => failures.push(error),
      )
    }
  })
  await Promise.all(lanes)
  if (failures.length > 0) throw failures[0]
  return results
}
