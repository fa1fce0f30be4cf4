import { InstarError } from '@instar/contract'
import type { MorphingHalf } from '../providers/morphing-half.ts'
import { destinationStep, type DestinationSide } from './side.ts'
import { readOwn, requireOwn } from './step-info.ts'

export const deployMorphingResources = destinationStep(
  async side => {
    side.call.progress('Starting a minion for the OS morphing')
    const instanceInfo = requireOwn(side.context.info, 'instance_deployment_info')
    const { resources, connectionInfo, morphingInfo } = await morphingOf(side).deployResources(side.call, instanceInfo)
    return { osmorphing_resources: resources, osmorphing_connection_info: connectionInfo, osmorphing_info: morphingInfo }
  },
  side => morphingOf(side).deleteResources(side.call, null),
)

export const deleteMorphingResources = destinationStep(async side => {
  side.call.progress('Removing the minion')
  await morphingOf(side).deleteResources(side.call, readOwn(side.context.info, 'osmorphing_resources'))
  return { osmorphing_resources: null, osmorphing_connection_info: null }
})

/** With a minion of a pool. */
export const collectMorphingInfo = destinationStep(async side => {
  const instanceInfo = requireOwn(side.context.info, 'instance_deployment_info')
  return { osmorphing_info: (await morphingOf(side).collectInfo?.(side.call, instanceInfo)) ?? {} }
})

export function morphingOf({ half, call }: DestinationSide): MorphingHalf<unknown, unknown> {
  if (half.morphing) return half.morphing
  throw new InstarError('provider.unsupported', `the destination of ${call.instance} cannot morph an OS`)
}
