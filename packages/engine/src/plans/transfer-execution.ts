import { planInstances, type AddStep } from './plan-builder.ts'
import type { PlannedStep, PlanSide } from './planned-step.ts'

export interface TransferExecutionPlan {
  readonly instances: readonly string[]
  readonly source: PlanSide
  readonly destination: PlanSide
  readonly shutdownInstances: boolean
  /** The transfer names a pool of source minions. */
  readonly hasOriginPool: boolean
  /** The transfer names a pool of destination minions. */
  readonly hasDestinationPool: boolean
}

/** Copies the disks of all instances once: validates, makes what the copy needs at both ends, copies, cleans up. */
export function planTransferExecution(plan: TransferExecutionPlan): PlannedStep[] {
  return planInstances(plan, plan, add => {
    const sourceInputs = add('VALIDATE_TRANSFER_SOURCE_INPUTS')
    const info = add('GET_INSTANCE_INFO')
    const destinationInputs = add('VALIDATE_TRANSFER_DESTINATION_INPUTS', [info])
    const sourceMinion = plan.hasOriginPool ? add('VALIDATE_SOURCE_MINION_POOL_COMPATIBILITY', [info, sourceInputs]) : undefined
    const targetMinion = plan.hasDestinationPool ? add('VALIDATE_DESTINATION_MINION_POOL_COMPATIBILITY', [destinationInputs]) : undefined
    const disks = add('DEPLOY_TRANSFER_DISKS', [sourceMinion ?? sourceInputs, targetMinion ?? destinationInputs])

    const sourceResources = plan.hasOriginPool ? undefined : add('DEPLOY_TRANSFER_SOURCE_RESOURCES', [disks])
    const targetResources = add(plan.hasDestinationPool ? 'ATTACH_VOLUMES_TO_DESTINATION_MINION' : 'DEPLOY_TRANSFER_TARGET_RESOURCES', [
      disks,
    ])
    const resources = [sourceResources, targetResources]
    const copy = add('REPLICATE_DISKS', plan.shutdownInstances ? [add('SHUTDOWN_INSTANCE', resources)] : resources)

    if (sourceMinion === undefined) add('DELETE_TRANSFER_SOURCE_RESOURCES', [sourceResources, copy], 'always')
    else add('RELEASE_SOURCE_MINION', [sourceMinion, copy], 'always')
    cleanUpTarget(add, { targetMinion, targetResources, copy })
  })
}

function cleanUpTarget(add: AddStep, made: { targetMinion: number | undefined; targetResources: number; copy: number }): void {
  if (made.targetMinion === undefined) {
    add('DELETE_TRANSFER_TARGET_RESOURCES', [made.targetResources, made.copy], 'always')
    return
  }
  const detached = add('DETACH_VOLUMES_FROM_DESTINATION_MINION', [made.targetResources, made.copy], 'always')
  add('RELEASE_DESTINATION_MINION', [made.targetMinion, detached], 'always')
}
