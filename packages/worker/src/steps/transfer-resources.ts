import { destinationStep, sourceStep } from './side.ts'
import { readExportInfo, readOwn, readVolumes } from './step-info.ts'

/** What reading and writing the disks needs, for the time of the copy. */
export const deploySourceResources = sourceStep(
  async ({ half, call, context: { info } }) => {
    call.progress('Making what reading the disks needs')
    const request = { exportInfo: readExportInfo(info, call.instance), volumes: readVolumes(info) }
    const { resources, connectionInfo } = await half.deployResources(call, request)
    return { source_resources: resources, source_resources_connection_info: connectionInfo }
  },
  ({ half, call }) => half.deleteResources(call, null),
)

export const deleteSourceResources = sourceStep(async ({ half, call, context: { info } }) => {
  call.progress('Removing what reading the disks needed')
  await half.deleteResources(call, readOwn(info, 'source_resources'))
  return { source_resources: null, source_resources_connection_info: null }
})

export const deployTargetResources = destinationStep(
  async ({ half, call, context: { info } }) => {
    call.progress('Making what writing the disks needs')
    const request = { exportInfo: readExportInfo(info, call.instance), volumes: readVolumes(info) }
    const { resources, connectionInfo, volumes } = await half.deployResources(call, request)
    return { target_resources: resources, target_resources_connection_info: connectionInfo, volumes_info: volumes }
  },
  ({ half, call, context: { info } }) => half.deleteResources(call, { resources: null, volumes: readVolumes(info) }),
)

export const deleteTargetResources = destinationStep(async ({ half, call, context: { info } }) => {
  call.progress('Removing what writing the disks needed')
  const volumes = await half.deleteResources(call, { resources: readOwn(info, 'target_resources'), volumes: readVolumes(info) })
  return { target_resources: null, target_resources_connection_info: null, volumes_info: volumes }
})
