import type { Transaction } from 'kysely'
import type { Database, Store } from '@instar/store'
import type { EngineHooks, ExecutionChange } from '../engine.ts'
import { createInfoStore } from '../execution/info.ts'
import { openChanges, sealSettings } from './move-settings.ts'

/** Announces on this channel the end of an execution that a deployment may wait for, or that failed. */
export const ENDED_CHANNEL = 'instar_execution_ended'

export interface MoveHooksDeps {
  readonly store: Pick<Store, 'vault' | 'notify'>
  readonly newId: () => string
  readonly now: () => Date
}

type Trx = Transaction<Database>

/** What the end of an execution means for its transfer or deployment, in the same transaction; for `createEngine` and for workers. */
export function createMoveHooks(deps: MoveHooksDeps): EngineHooks {
  return {
    onExecutionChanged: async (trx, change) => {
      if (!change.hasEnded || change.kind.startsWith('minion_pool_')) return
      if (change.kind === 'transfer_update') await settleUpdate(deps, trx, change)
      if (change.kind === 'deployment') await settleDeployment(deps, trx, change)
      if (change.state !== 'completed' && change.state !== 'cancelled') await reportFailure(deps, trx, change)
      await deps.store.notify(trx, ENDED_CHANNEL, change.id)
    },
  }
}

/** The new values of a transfer stand when all platforms have taken them; else they are forgotten. */
async function settleUpdate({ store, now }: MoveHooksDeps, trx: Trx, change: ExecutionChange): Promise<void> {
  const update = await trx.deleteFrom('transfer_updates').where('execution_id', '=', change.id).returningAll().executeTakeFirst()
  if (update === undefined || change.state !== 'completed') return
  const { source_environment, destination_environment, user_scripts, ...columns } = openChanges(store.vault, change.id, update.changes)
  const settings = { source_environment, destination_environment, user_scripts }
  await trx
    .updateTable('transfers')
    .set({
      ...columns,
      network_map: JSON.stringify(columns.network_map),
      storage_mappings: JSON.stringify(columns.storage_mappings),
      osmorphing_pools: JSON.stringify(columns.osmorphing_pools),
      settings: sealSettings(store.vault, { table: 'transfers', id: update.transfer_id }, settings),
    })
    .where('id', '=', update.transfer_id)
    .execute()
  await trx.updateTable('actions').set({ updated_at: now() }).where('id', '=', update.transfer_id).execute()
}

/**
 * The machines that were made are shown, unless the clean-up removed them. What became of the replica's disks is told to the transfer: they are
 * the machine's own now when they were not cloned. What copies of them left at the source to find changes by is removed by the next execution or
 * with the transfer, as a deployment has no task there: until then they are known as `released_volumes`.
 */
async function settleDeployment({ store }: MoveHooksDeps, trx: Trx, change: ExecutionChange): Promise<void> {
  const info = createInfoStore(store.vault)
  const known = await info.read(trx, change.actionId)
  const results = [...known].flatMap(([instance, { transfer_result }]) =>
    isObject(transfer_result) ? [[instance, transfer_result] as const] : [],
  )
  const transfer_result = results.length === 0 ? null : JSON.stringify(Object.fromEntries(results))
  const deployment = await trx
    .updateTable('deployments')
    .set({ transfer_result })
    .where('id', '=', change.actionId)
    .returning(['transfer_id', 'clone_disks'])
    .executeTakeFirstOrThrow()
  const areGone = change.state === 'completed' && !deployment.clone_disks
  const ofTransfer = areGone ? await info.read(trx, deployment.transfer_id) : undefined
  const patches = [...known].flatMap(([instance, { volumes_info }]) => {
    if (!Array.isArray(volumes_info)) return []
    const earlier = ofTransfer?.get(instance)?.['released_volumes']
    const released = [...(Array.isArray(earlier) ? earlier : []), ...volumes_info]
    return [[instance, areGone ? { volumes_info: [], released_volumes: released } : { volumes_info }] as const]
  })
  await info.patchAll(trx, deployment.transfer_id, new Map(patches))
}

/** For the webhook; a server that has none throws it away. */
async function reportFailure({ newId, now }: MoveHooksDeps, trx: Trx, change: ExecutionChange): Promise<void> {
  const failed = await trx
    .selectFrom('tasks')
    .select(['instance', 'type', 'reason'])
    .where('execution_id', '=', change.id)
    .where('state', 'in', ['failed', 'unplaced'])
    .orderBy('idx')
    .limit(20)
    .execute()
  const body = {
    version: 1,
    kind: 'execution_failed',
    at: now().toISOString(),
    project_id: change.projectId,
    action_id: change.actionId,
    execution_id: change.id,
    execution_type: change.kind,
    number: change.number,
    state: change.state,
    failed_tasks: failed.map(({ instance, type, reason }) => ({ instance, task_type: type, reason })),
  }
  const row = {
    id: newId(),
    project_id: change.projectId,
    execution_id: change.id,
    body: JSON.stringify(body),
    next_at: now(),
    created_at: now(),
  }
  await trx.insertInto('webhook_deliveries').values(row).execute()
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}
