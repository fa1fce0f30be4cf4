import { destinationStep } from './side.ts'
import { readVolumes } from './step-info.ts'

export const createDiskSnapshots = destinationStep(
  async ({ half, call, context: { info } }) => {
    call.progress('Keeping the replica as it is')
    return { volumes_info: await half.createSnapshots(call, readVolumes(info)) }
  },
  ({ half, call, context: { info } }) => half.deleteSnapshots(call, readVolumes(info)),
)

export const deleteDiskSnapshots = destinationStep(async ({ half, call, context: { info } }) => {
  call.progress('Deleting the snapshots of the replica')
  return { volumes_info: await half.deleteSnapshots(call, readVolumes(info)) }
})

export const restoreDiskSnapshots = destinationStep(async ({ half, call, context: { info } }) => {
  call.progress('Giving the replica back as it was')
  return { volumes_info: await half.restoreSnapshots(call, readVolumes(info)) }
})
