import { CAPABILITIES } from '@instar/contract/api'
import { planInstances, type AddStep } from './plan-builder.ts'
import type { PlannedStep, PlanSide } from './planned-step.ts'

export interface DeploymentPlan {
  readonly instances: readonly string[]
  readonly destination: PlanSide
  /** The `types` of the destination's provider: decide whether a flavor is looked for. */
  readonly destinationCapabilities: readonly number[]
  readonly skipOsMorphing: boolean
  /** False: the replica's own disks become the machine's. */
  readonly cloneDisks: boolean
  /** Instances whose OS is morphed on a machine of a minion pool. */
  readonly pooledInstances: readonly string[]
}

/** Makes a bootable machine of each instance's replica. */
export function planDeployment(plan: DeploymentPlan): PlannedStep[] {
  // Where disks are not cloned, no snapshot goes before all machines are there: the failure of one takes all back (ours; upstream does not wait).
  const barriers = plan.cloneDisks ? [] : (['FINALIZE_INSTANCE_DEPLOYMENT'] as const)
  return planInstances({ instances: plan.instances, barriers }, { destination: plan.destination }, (add, instance) => {
    const isPooled = !plan.skipOsMorphing && plan.pooledInstances.includes(instance)
    const inputs = add('VALIDATE_DEPLOYMENT_INPUTS')
    const minion = isPooled ? add('VALIDATE_OSMORPHING_MINION_POOL_COMPATIBILITY', [inputs]) : undefined
    const snapshots = add('CREATE_TRANSFER_DISK_SNAPSHOTS', [minion ?? inputs])
    const resources = add('DEPLOY_INSTANCE_RESOURCES', [snapshots])

    const morphed = plan.skipOsMorphing ? [resources] : planMorphing(add, resources, minion)
    const hasFlavors = plan.destinationCapabilities.includes(CAPABILITIES.instanceFlavor)
    const machine = add('FINALIZE_INSTANCE_DEPLOYMENT', hasFlavors ? [add('GET_OPTIMAL_FLAVOR', morphed)] : morphed)

    add('DELETE_TRANSFER_TARGET_DISK_SNAPSHOTS', [snapshots, machine], plan.cloneDisks ? 'always' : 'success')
    const failed = add('CLEANUP_FAILED_INSTANCE_DEPLOYMENT', [resources, machine], 'error')
    // Upstream it needs only the clean-up, which is not run when the instance's resources could not be made: the snapshots stayed then.
    if (!plan.cloneDisks) add('RESTORE_TRANSFER_DISK_SNAPSHOTS', [snapshots, failed], 'error')
  })
}

/** Gives what the next step needs: the morphing, and the last of its clean-ups. */
function planMorphing(add: AddStep, resources: number, minion: number | undefined): number[] {
  if (minion === undefined) {
    const deployed = add('DEPLOY_OS_MORPHING_RESOURCES', [resources])
    const morphed = add('OS_MORPHING', [deployed])
    return [morphed, add('DELETE_OS_MORPHING_RESOURCES', [deployed, morphed], 'always')]
  }
  const attached = add('ATTACH_VOLUMES_TO_OSMORPHING_MINION', [minion, resources])
  const morphed = add('OS_MORPHING', [add('COLLECT_OS_MORPHING_INFO', [attached])])
  const detached = add('DETACH_VOLUMES_FROM_OSMORPHING_MINION', [attached, morphed], 'always')
  return [morphed, add('RELEASE_OSMORPHING_MINION', [minion, detached], 'always')]
}
