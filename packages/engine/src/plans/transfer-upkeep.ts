import { planInstances } from './plan-builder.ts'
import type { PlannedStep, PlanSide } from './planned-step.ts'

/** New settings of a transfer are tried on both platforms before they become visible on it. */
export function planTransferUpdate(plan: { instances: readonly string[]; source: PlanSide; destination: PlanSide }): PlannedStep[] {
  return planInstances(plan, plan, add => {
    const info = add('GET_INSTANCE_INFO')
    const source = add('UPDATE_SOURCE_TRANSFER')
    add('UPDATE_DESTINATION_TRANSFER', [info, source])
  })
}

/** Removes what copies of these instances left at the source, where nobody will want to know any more what changes. */
export function planSourceRelease(plan: { instances: readonly string[]; source: PlanSide; destination: PlanSide }): PlannedStep[] {
  return planInstances(plan, plan, add => void add('DELETE_TRANSFER_SOURCE_DISK_SNAPSHOTS'))
}

/** Deletes the replicas of these instances. */
export function planDisksDelete(plan: { instances: readonly string[]; source: PlanSide; destination: PlanSide }): PlannedStep[] {
  return planInstances(plan, plan, add => {
    const snapshots = add('DELETE_TRANSFER_SOURCE_DISK_SNAPSHOTS')
    add('DELETE_TRANSFER_DISKS', [snapshots])
  })
}
