import { InstarError } from '@instar/contract'
import type { Trx } from '../api-deps.ts'
import { notFound, rowId } from '../lists/row.ts'

/**
 * Locks the action's row until the transaction ends, so that of two requests that would start something one sees the other's execution. Throws
 * `api.not-found`.
 */
export async function lockAction(trx: Trx, kind: 'transfer' | 'deployment' | 'minion_pool', of: { id: string; projectId: string }) {
  const row = await trx
    .selectFrom('actions')
    .selectAll()
    .where('id', '=', rowId(of.id))
    .where('project_id', '=', of.projectId)
    .where('kind', '=', kind)
    .where('deleted_at', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (row === undefined) throw notFound(kind.replace('_', ' '), of.id)
  return row
}

/** Throws `api.busy` when an execution of the transfer, or of one of its deployments, has not ended. The transfer is locked by the caller. */
export async function requireIdle(trx: Trx, transferId: string): Promise<void> {
  const own = await trx.selectFrom('executions').select('id').where('action_id', '=', transferId).where('ended_at', 'is', null).execute()
  if (own.length > 0)
    throw new InstarError('api.busy', `transfer ${transferId} has running executions: ${own.map(({ id }) => id).join(', ')}`)
  const deployments = await trx
    .selectFrom('executions')
    .innerJoin('deployments', 'deployments.id', 'executions.action_id')
    .select('deployments.id')
    .where('transfer_id', '=', transferId)
    .where('ended_at', 'is', null)
    .execute()
  if (deployments.length > 0) {
    throw new InstarError('api.busy', `transfer ${transferId} is being deployed: ${deployments.map(({ id }) => id).join(', ')}`)
  }
}
