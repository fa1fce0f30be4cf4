import { serviceRecords } from './script-records.ts'
import { destinationStep } from './side.ts'
import { readExportInfo, readOwn, readVolumes, requireOwn } from './step-info.ts'

export const deployInstanceResources = destinationStep(
  async ({ half, call, context: { info } }) => {
    call.progress('Making the disks of the new machine')
    const request = {
      exportInfo: readExportInfo(info, call.instance),
      volumes: readVolumes(info),
      cloneDisks: info['clone_disks'] !== false,
    }
    return { instance_deployment_info: await half.deployInstance(call, request) }
  },
  ({ half, call }) => half.cleanUpInstance(call, null),
)

export const getOptimalFlavor = destinationStep(async ({ half, call, context: { info } }) => {
  const flavor = await half.findFlavor?.(call, readExportInfo(info, call.instance))
  call.progress(`The machine gets the size ${flavor}`)
  return { instance_deployment_info: { ...requireOwn(info, 'instance_deployment_info'), flavor } }
})

export const finalizeInstance = destinationStep(async ({ half, call, context }) => {
  const { info } = context
  call.progress('Making the machine')
  const { flavor, ...instanceInfo } = requireOwn(info, 'instance_deployment_info')
  const request = { exportInfo: readExportInfo(info, call.instance), instanceInfo, ...(typeof flavor === 'string' && { flavor }) }
  const machine = await half.finalizeInstance(call, request)
  const userScripts = readOwn(info, 'user_scripts') ?? {}
  const { recorder } = serviceRecords(context)
  await half.watchFirstBoot?.(call, { exportInfo: request.exportInfo, userScripts, recorder })
  return { transfer_result: machine }
})

/** The machine is not there any more: neither is what was told of it. */
export const cleanUpFailedInstance = destinationStep(async ({ half, call, context: { info } }) => {
  call.progress('Removing the machine')
  await half.cleanUpInstance(call, readOwn(info, 'instance_deployment_info'))
  return { instance_deployment_info: null, transfer_result: null }
})
