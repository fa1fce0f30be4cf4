import { InstarError } from '@instar/contract'
import type { UserScripts } from '@instar/contract/api'
import { planDeployment, type Info, type MoveSettings } from '@instar/engine'
import type { ApiDeps, Trx } from '../api-deps.ts'
import { osTypesIn } from '../moves/os-types.ts'
import { planSide } from '../moves/sides.ts'
import { settingsInfo } from '../moves/start-info.ts'
import { loadPlatforms } from '../places/workers.ts'
import { checkPools } from '../pools/pool-choice.ts'
import { hasVolumes } from '../transfers/delete-disks.ts'
import { loadEnds } from '../transfers/ends.ts'
import { deploymentSettings, type DeploymentRow } from './deployment.ts'
import { leftOutScripts } from './left-out-scripts.ts'

/** What a deployment takes over of each machine of its transfer. */
const COPIED = ['export_info', 'volumes_info'] as const

/**
 * Starts the one execution of a deployment. Its transfer is locked and idle; `inherited` are the transfer's scripts where the deployment may have
 * others. Throws `api.wrong-state` when a machine has no replica, and what pools that do not fit throw.
 */
export async function startDeployment(deps: ApiDeps, trx: Trx, deployment: DeploymentRow, inherited?: UserScripts): Promise<void> {
  const { instances, project_id: projectId } = deployment
  const known = await deps.engine.info.read(trx, deployment.transfer_id)
  const bare = instances.filter(instance => !hasVolumes(known.get(instance)))
  if (bare.length > 0)
    throw new InstarError('api.wrong-state', `instance ${bare.join(', ')} has no volumes information: execute the transfer first`, {
      hint: 'The disks were never copied, were deleted, or became those of a machine (clone_disks: false): an execution copies them in full.',
    })
  const ends = await loadEnds(trx, deployment)
  const pools = deployment.skip_os_morphing ? {} : deployment.osmorphing_pools
  await checkPools(trx, projectId, {
    instances,
    originEndpointId: ends.origin.id,
    destinationEndpointId: ends.destination.id,
    originPoolId: null,
    destinationPoolId: null,
    osmorphingPools: pools,
  })
  const settings = deploymentSettings(deps.store.vault, deployment)
  await deps.engine.info.patchAll(trx, deployment.id, startInfo(deployment, settings, known))
  const osTypes = osTypesIn(known)
  const platforms = await loadPlatforms(trx, deps.now())
  const executionId = await deps.engine.start(trx, {
    action: { id: deployment.id, projectId, userId: deployment.user_id },
    kind: 'deployment',
    steps: planDeployment({
      instances,
      destination: await planSide(trx, ends.destination),
      destinationCapabilities: platforms.get(ends.destination.type)?.types ?? [],
      skipOsMorphing: deployment.skip_os_morphing,
      cloneDisks: deployment.clone_disks,
      pooledInstances: Object.keys(pools),
    }),
    options: {
      transfer_id: deployment.transfer_id,
      clone_disks: deployment.clone_disks,
      ...(deployment.resume_from === null ? {} : { resume_from: deployment.resume_from }),
    },
    endpoints: { destination: ends.destination.id },
    awaitingMinions: Object.keys(pools).length > 0,
    remarks: instances.flatMap(instance =>
      leftOutScripts({
        instance,
        osType: osTypes.get(instance),
        inherited: inherited ?? settings.user_scripts,
        own: settings.user_scripts,
        skipOsMorphing: deployment.skip_os_morphing,
      }),
    ),
  })
  const wanted = Object.entries(pools).map(([instance, poolId]) => ({ poolId, instance, role: 'osmorphing' as const }))
  if (wanted.length > 0) await deps.pools.reserve(trx, { executionId, actionId: deployment.id, wanted })
}

/** What the steps know of each machine when the deployment begins. */
function startInfo(deployment: DeploymentRow, settings: MoveSettings, known: ReadonlyMap<string, Info>): Map<string, Info> {
  const { global, merge, instances: scripts = {} } = settings.user_scripts
  const shared = { ...settingsInfo(settings, deployment), clone_disks: deployment.clone_disks }
  return new Map(
    deployment.instances.map(instance => {
      const ofTransfer = known.get(instance) ?? {}
      const copied = COPIED.flatMap(key => (ofTransfer[key] === undefined ? [] : [[key, ofTransfer[key]] as const]))
      const own = Object.hasOwn(scripts, instance) ? [[instance, scripts[instance]] as const] : []
      const user_scripts = { ...(global && { global }), instances: Object.fromEntries(own), ...(merge === undefined ? {} : { merge }) }
      return [instance, { ...Object.fromEntries(copied), ...shared, user_scripts }]
    }),
  )
}
