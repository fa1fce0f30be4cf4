import { InstarError } from '@instar/contract'
import {
  mergeStorageMappings,
  mergeUserScripts,
  normaliseUserScripts,
  restoreScriptSecrets,
  type TransferUpdate,
} from '@instar/contract/api'
import { planTransferUpdate, sealChanges, type MoveSettings, type TransferChanges } from '@instar/engine'
import type { ApiDeps, Trx } from '../api-deps.ts'
import { lockAction, requireIdle } from '../moves/busy.ts'
import { planSide } from '../moves/sides.ts'
import { settingsInfo } from '../moves/start-info.ts'
import { checkPools } from '../pools/pool-choice.ts'
import { restoreObject } from '../secrets/mask.ts'
import { checkEnvironments, loadPlatformsOrNone, withoutNulls, type Asker } from './create-transfer.ts'
import { loadEnds } from './ends.ts'
import { requireTransfer, transferSettings, type TransferRow } from './transfer.ts'

/**
 * Starts an execution that tries new values on both platforms; answers its id. The values stand on the transfer when it has completed. Throws
 * `api.not-found`, `api.bad-request`, `api.busy`.
 */
export async function updateTransfer(deps: ApiDeps, trx: Trx, of: { id: string; asker: Asker }, given: TransferUpdate): Promise<string> {
  const { projectId, userId } = of.asker
  await lockAction(trx, 'transfer', { id: of.id, projectId })
  const transfer = await requireTransfer(trx, projectId, of.id)
  requireUnchangeable(transfer, given)
  const settings = transferSettings(deps.store.vault, transfer)
  const changes = mergeChanges(transfer, settings, given)
  const ends = await loadEnds(trx, transfer)
  checkEnvironments(changes, ends, await loadPlatformsOrNone(deps, trx))
  await checkGivenPools(trx, transfer, { given, changes })
  await requireIdle(trx, transfer.id)
  // The steps compare what they know of the machines, made with these settings, to the new ones.
  const info = settingsInfo(settings, transfer)
  await deps.engine.info.patchAll(trx, transfer.id, new Map(transfer.instances.map(instance => [instance, info])))
  const executionId = await deps.engine.start(trx, {
    action: { id: transfer.id, projectId, userId },
    kind: 'transfer_update',
    steps: planTransferUpdate({
      instances: transfer.instances,
      source: await planSide(trx, ends.origin),
      destination: await planSide(trx, ends.destination),
    }),
    endpoints: { source: ends.origin.id, destination: ends.destination.id },
  })
  const row = { execution_id: executionId, transfer_id: transfer.id, project_id: projectId }
  await trx
    .insertInto('transfer_updates')
    .values({ ...row, changes: sealChanges(deps.store.vault, executionId, changes) })
    .execute()
  return executionId
}

function requireUnchangeable(transfer: TransferRow, given: TransferUpdate): void {
  const named = (['origin_endpoint_id', 'destination_endpoint_id', 'instances'] as const).filter(
    key => given[key] !== undefined && given[key]?.length,
  )
  if (named.length > 0)
    throw new InstarError('api.bad-request', `${named.join(', ')} cannot be updated; change the endpoint itself, or make another transfer`)
  if (given.scenario && given.scenario !== transfer.scenario) {
    throw new InstarError('api.bad-request', `the scenario cannot be updated: it is ${transfer.scenario}`)
  }
}

/** Environments and maps are merged one level deep, mappings by their keys, scripts by OS and machine; the rest is taken when it is named. */
function mergeChanges(transfer: TransferRow, old: MoveSettings, given: TransferUpdate): TransferChanges {
  const { network_map: _, storage_mappings: __, ...destination } = given.destination_environment ?? {}
  const scripts = restoreScriptSecrets(normaliseUserScripts(given.user_scripts), old.user_scripts)
  const mappings = given.instance_osmorphing_minion_pool_mappings
  return {
    source_environment: { ...old.source_environment, ...restoreObject(given.source_environment ?? {}, old.source_environment) },
    destination_environment: { ...old.destination_environment, ...restoreObject(destination, old.destination_environment) },
    user_scripts: mergeUserScripts(old.user_scripts, scripts),
    network_map: { ...transfer.network_map, ...given.network_map },
    storage_mappings: mergeStorageMappings(transfer.storage_mappings, given.storage_mappings ?? {}),
    notes: given.notes === undefined ? transfer.notes : given.notes,
    origin_minion_pool_id: given.origin_minion_pool_id === undefined ? transfer.origin_minion_pool_id : given.origin_minion_pool_id,
    destination_minion_pool_id:
      given.destination_minion_pool_id === undefined ? transfer.destination_minion_pool_id : given.destination_minion_pool_id,
    osmorphing_pools: mappings === undefined ? transfer.osmorphing_pools : withoutNulls(mappings ?? {}),
    clone_disks: given.clone_disks ?? transfer.clone_disks,
    skip_os_morphing: given.skip_os_morphing ?? transfer.skip_os_morphing,
  }
}

/** The pools as they will be, when any of them is named. */
async function checkGivenPools(
  trx: Trx,
  transfer: TransferRow,
  { given, changes }: { given: TransferUpdate; changes: TransferChanges },
): Promise<void> {
  const isNamed = [given.origin_minion_pool_id, given.destination_minion_pool_id, given.instance_osmorphing_minion_pool_mappings].some(
    value => value !== undefined,
  )
  if (!isNamed) return
  await checkPools(trx, transfer.project_id, {
    instances: transfer.instances,
    originEndpointId: transfer.origin_endpoint_id,
    destinationEndpointId: transfer.destination_endpoint_id,
    originPoolId: changes.origin_minion_pool_id,
    destinationPoolId: changes.destination_minion_pool_id,
    osmorphingPools: changes.osmorphing_pools,
  })
}
