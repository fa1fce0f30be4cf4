import { InstarError } from '@instar/contract'
import { endBitmap } from '../../replication/source/bitmaps.ts'
import type { TaskCall } from '../provider.ts'
import type { SourceHalf } from '../source-half.ts'
import { describeMachine, diskChain, findMachine, selectMachines } from './machines.ts'
import { runningPid, stopMachine } from './power.ts'
import { DiskImagesSource, type DiskImagesConnection } from './settings.ts'

const OPTIONS = [{ name: 'bitmaps', values: [true, false], config_default: true }]

/** Machines are read where they lie: nothing is made at the source but the bitmaps that a machine allows. */
export const diskImagesSource: SourceHalf<DiskImagesConnection, DiskImagesSource> = {
  environment: DiskImagesSource,
  listInstances: ({ connection }, query) => selectMachines(connection.folder, query),
  getInstance: async ({ connection, signal }, name) =>
    await describeMachine(connection.folder, await findMachine(connection.folder, name), signal),
  listOptions: async (_call, names) => OPTIONS.filter(({ name }) => names?.includes(name) ?? true),

  validate: async ({ connection, instance, signal }) => {
    await describeMachine(connection.folder, await findMachine(connection.folder, instance), signal)
  },
  update: async (_call, { volumes }) => volumes,
  deployResources: async () => ({ resources: {}, connectionInfo: {} }),
  deleteResources: async () => undefined,
  shutdown: async call => {
    const { connection, instance, signal } = call
    const { folder } = await findMachine(connection.folder, instance)
    if ((await runningPid(folder)) === undefined) return
    call.progress(`Shutting ${instance} down`)
    await stopMachine(folder, signal)
  },
  openDisk: async ({ connection, environment, instance }, { diskId, exportInfo }) => {
    const machine = await findMachine(connection.folder, instance)
    const disk = machine.disks.find(({ id }) => id === diskId)
    if (disk === undefined) throw new InstarError('provider.not-found', `${machine.file} has no disk ${diskId}`)
    return {
      diskId,
      sizeBytes: exportInfo.devices.disks.find(({ id }) => id === diskId)?.size_bytes ?? 0,
      content: { kind: 'images', chain: await diskChain(connection.folder, disk) },
      mayUseBitmaps: machine.described.bitmaps && environment.bitmaps,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }
  },
  deleteSnapshots: async (call, { volumes }) => {
    const { connection, instance, signal } = call
    const machine = await findMachine(connection.folder, instance).catch(() => undefined)
    for (const { disk_id, replica_state } of volumes) {
      const disk = machine?.disks.find(({ id }) => id === disk_id)
      const bitmap = replica_state?.['bitmap']
      if (disk === undefined || typeof bitmap !== 'string') continue
      const content = { kind: 'images' as const, chain: await diskChain(connection.folder, disk) }
      await endBitmap({ diskId: disk_id, content, mayUseBitmaps: true }, bitmap, signal).catch((error: unknown) => {
        if (!(error instanceof InstarError) || error.code !== 'image.in-use') throw error
        tellLeft(call, content.chain[0]?.path ?? disk_id, bitmap)
      })
    }
    return volumes
  },
}

/** A running machine is not disturbed for it. A bitmap costs little, and nobody is misled by its name. */
function tellLeft(
  { event, log, instance }: Pick<TaskCall<unknown, unknown>, 'event' | 'log' | 'instance'>,
  image: string,
  bitmap: string,
): void {
  const message = `${image} is in use and keeps the dirty bitmap ${bitmap}: when it is not, remove it with qemu-img bitmap --remove`
  event('WARNING', message)
  // The transfer may be deleted, and its events with it.
  log.warn({ instance, image, bitmap }, 'a dirty bitmap stays in an image that is in use')
}
