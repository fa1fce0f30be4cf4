import { planTransferExecution } from '@instar/engine'
import type { ApiDeps, Trx } from '../api-deps.ts'
import { createPendingDeployment } from '../deployments/pending-deployment.ts'
import { lockAction, requireIdle } from '../moves/busy.ts'
import { planSide } from '../moves/sides.ts'
import { settingsInfo } from '../moves/start-info.ts'
import { checkPools } from '../pools/pool-choice.ts'
import { loadEnds } from '../transfers/ends.ts'
import { requireTransfer, transferSettings } from '../transfers/transfer.ts'
import type { Asker } from '../transfers/create-transfer.ts'

export interface ExecutionRequest {
  readonly transferId: string
  readonly asker: Asker
  readonly shutdownInstances: boolean
  /** A deployment is made at once, and starts when the execution has completed. */
  readonly autoDeploy: boolean
}

/** Starts an execution of a transfer; answers its id. Throws `api.not-found`, `api.busy`, and what pools that do not fit throw. */
export async function startExecution(deps: ApiDeps, trx: Trx, request: ExecutionRequest): Promise<string> {
  const { projectId } = request.asker
  await lockAction(trx, 'transfer', { id: request.transferId, projectId })
  await requireIdle(trx, request.transferId)
  const transfer = await requireTransfer(trx, projectId, request.transferId)
  const ends = await loadEnds(trx, transfer)
  await checkPools(trx, projectId, {
    instances: transfer.instances,
    originEndpointId: ends.origin.id,
    destinationEndpointId: ends.destination.id,
    originPoolId: transfer.origin_minion_pool_id,
    destinationPoolId: transfer.destination_minion_pool_id,
    osmorphingPools: {},
  })
  const hasOriginPool = transfer.origin_minion_pool_id !== null
  const hasDestinationPool = transfer.destination_minion_pool_id !== null
  const info = settingsInfo(transferSettings(deps.store.vault, transfer), transfer)
  await deps.engine.info.patchAll(trx, transfer.id, new Map(transfer.instances.map(instance => [instance, info])))
  const executionId = await deps.engine.start(trx, {
    action: { id: transfer.id, projectId, userId: request.asker.userId },
    kind: 'transfer_execution',
    steps: planTransferExecution({
      instances: transfer.instances,
      source: await planSide(trx, ends.origin),
      destination: await planSide(trx, ends.destination),
      shutdownInstances: request.shutdownInstances,
      hasOriginPool,
      hasDestinationPool,
    }),
    options: { shutdown_instances: request.shutdownInstances, auto_deploy: request.autoDeploy },
    endpoints: { source: ends.origin.id, destination: ends.destination.id },
    awaitingMinions: hasOriginPool || hasDestinationPool,
  })
  const wanted = transfer.instances.flatMap(instance => [
    ...(transfer.origin_minion_pool_id === null ? [] : [{ poolId: transfer.origin_minion_pool_id, instance, role: 'origin' as const }]),
    ...(transfer.destination_minion_pool_id === null
      ? []
      : [{ poolId: transfer.destination_minion_pool_id, instance, role: 'destination' as const }]),
  ])
  if (wanted.length > 0) await deps.pools.reserve(trx, { executionId, actionId: transfer.id, wanted })
  if (request.autoDeploy) await createPendingDeployment(deps, trx, { transfer, executionId, asker: request.asker })
  return executionId
}
