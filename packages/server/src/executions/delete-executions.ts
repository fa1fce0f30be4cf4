import { hideExecutions, purgeDeleted, type DeletedExecutions } from '@instar/engine'
import type { ApiDeps, Trx } from '../api-deps.ts'

/**
 * Deletes executions in the transaction of `hide`, which locks and judges what a user wants deleted and says which they are; then, outside of it, their
 * script records, output and events, which may be many. What is cut off there is finished by the next round of retention, here or in another process.
 */
export async function deleteExecutions(deps: ApiDeps, hide: (trx: Trx) => Promise<DeletedExecutions>, signal: AbortSignal): Promise<void> {
  const which = await deps.store.transact(async trx => {
    const deleted = await hide(trx)
    await hideExecutions(trx, deleted)
    return deleted
  }, signal)
  await purgeDeleted(deps.store, which, signal).catch((error: unknown) =>
    deps.log.warn({ error, ...which }, 'what belongs to deleted executions is still there; retention deletes it'),
  )
}
