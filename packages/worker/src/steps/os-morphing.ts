import { morphingOf } from './morphing-resources.ts'
import { serviceRecords } from './script-records.ts'
import { destinationStep } from './side.ts'
import { readExportInfo, readOwn, requireOwn } from './step-info.ts'

/** On a minion of its own or of a pool: whichever holds the disks. */
export const morphOs = destinationStep(async side => {
  const { info, execution } = side.context
  const resumeFrom = execution.options['resume_from']
  const hasPool = readOwn(info, 'osmorphing_minion_provider_properties') !== null
  await morphingOf(side).morph(side.call, {
    exportInfo: readExportInfo(info, side.call.instance),
    instanceInfo: requireOwn(info, 'instance_deployment_info'),
    resources: requireOwn(info, hasPool ? 'osmorphing_minion_provider_properties' : 'osmorphing_resources'),
    connectionInfo: requireOwn(info, hasPool ? 'osmorphing_minion_connection_info' : 'osmorphing_connection_info'),
    morphingInfo: requireOwn(info, 'osmorphing_info'),
    userScripts: readOwn(info, 'user_scripts') ?? {},
    deploymentId: execution.actionId,
    ...(typeof resumeFrom === 'string' && { resumeFrom }),
    ...serviceRecords(side.context),
  })
})
