import { destinationStep, sourceStep } from './side.ts'
import { readExportInfo, readVolumes } from './step-info.ts'

export const validateSourceInputs = sourceStep(async ({ half, call }) => {
  call.progress('Checking the settings of the source')
  await half.validate(call)
})

export const validateDestinationInputs = destinationStep(async ({ half, call, context: { info } }) => {
  call.progress('Checking the settings of the destination')
  await half.validateTransfer(call, { exportInfo: readExportInfo(info, call.instance), volumes: readVolumes(info) })
})

export const validateDeploymentInputs = destinationStep(async ({ half, call, context: { info } }) => {
  call.progress('Checking the replica and the settings of the destination')
  await half.validateDeployment(call, { exportInfo: readExportInfo(info, call.instance), volumes: readVolumes(info) })
})
