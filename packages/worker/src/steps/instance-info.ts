import { sourceStep } from './side.ts'
import { readExportInfo } from './step-info.ts'

export const getInstanceInfo = sourceStep(async ({ half, call }) => {
  call.progress('Asking the source about the machine')
  return { export_info: await half.getInstance(call, call.instance) }
})

export const shutdownInstance = sourceStep(async ({ half, call, context: { info } }) => {
  call.progress('Shutting the machine down')
  await half.shutdown(call, readExportInfo(info, call.instance))
})
