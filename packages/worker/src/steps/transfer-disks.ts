import { ownDisks, withOwners } from './shared-disks.ts'
import { destinationStep, sourceStep } from './side.ts'
import { readExportInfo, readReleasedVolumes, readVolumes } from './step-info.ts'

/** Of disks that several machines of the transfer share, only their owner's are made. */
export const deployTransferDisks = destinationStep(
  async ({ half, call, context, world }) => {
    const exportInfo = await withOwners(context, world.owners)
    call.progress('Making the disks at the destination')
    const volumes = await half.deployDisks(call, { exportInfo: ownDisks(exportInfo, call), volumes: readVolumes(context.info) })
    return { export_info: exportInfo, volumes_info: volumes }
  },
  async ({ half, call, context }) => half.discardDisks(call, readVolumes(context.info)),
)

export const deleteSourceSnapshots = sourceStep(async ({ half, call, context: { info } }) => {
  call.progress('Deleting snapshots at the source')
  const exportInfo = readExportInfo(info, call.instance)
  const released = readReleasedVolumes(info)
  if (released.length > 0) await half.deleteSnapshots(call, { exportInfo, volumes: released })
  return { volumes_info: await half.deleteSnapshots(call, { exportInfo, volumes: readVolumes(info) }), released_volumes: [] }
})

export const deleteTransferDisks = destinationStep(async ({ half, call, context: { info } }) => {
  call.progress('Deleting the disks at the destination')
  await half.deleteDisks(call, readVolumes(info))
  return { volumes_info: [] }
})
