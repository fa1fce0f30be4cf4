import { InstarError } from '@instar/contract'
import type { RouteName } from '@instar/contract/api'
import type { ApiDeps, Trx } from '../api-deps.ts'
import type { Call, Handlers } from '../http/call.ts'
import { createPool, deletePool, updatePool } from './create-pool.ts'
import { poolObject, poolSummary, requirePool, selectPools } from './pool.ts'

export function poolRoutes(deps: ApiDeps) {
  const { store } = deps
  const { db, vault } = store
  // Of one moment: between two questions the pool could go on, and be shown with machines of another state.
  const atOnce = <T>(read: (trx: Trx) => Promise<T>) => db.transaction().setIsolationLevel('repeatable read').execute(read)
  const show = (projectId: string, id: string) =>
    atOnce(async trx => ({ minion_pool: await poolObject(trx, vault, await requirePool(trx, projectId, id)) }))
  return {
    'pools.list': ({ projectId }) =>
      atOnce(async trx => {
        const rows = await selectPools(trx)
          .where('actions.project_id', '=', projectId)
          .where('deleted_at', 'is', null)
          .orderBy('actions.created_at')
          .orderBy('actions.id')
          .execute()
        const ids = rows.map(({ id }) => id)
        const machines =
          ids.length === 0
            ? []
            : await trx.selectFrom('minion_machines').selectAll().where('pool_id', 'in', ids).orderBy('created_at').execute()
        const ofPool = Map.groupBy(machines, machine => machine.pool_id)
        return { minion_pools: rows.map(row => poolSummary(vault, row, ofPool.get(row.id) ?? [])) }
      }),
    'pools.create': async ({ body, projectId, caller, signal }) => {
      const asker = { projectId, userId: caller.userId }
      const id = await store.transact(trx => createPool(deps, trx, asker, body.minion_pool), signal)
      const answer = await show(projectId, id)
      if (body.minion_pool.skip_allocation !== true) await store.transact(trx => deps.pools.allocate(trx, id), signal)
      return answer
    },
    'pools.show': ({ params, projectId }) => show(projectId, params.pool_id),
    'pools.update': async ({ params, body, projectId, signal }) => {
      await store.transact(trx => updatePool(deps, trx, { id: params.pool_id, projectId }, body.minion_pool), signal)
      return show(projectId, params.pool_id)
    },
    'pools.delete': async ({ params, projectId, signal }) => {
      await store.transact(trx => deletePool(deps, trx, { id: params.pool_id, projectId }), signal)
    },
    'pools.act': async call => {
      await store.transact(trx => act(deps, trx, call), call.signal)
      return show(call.projectId, call.params.pool_id)
    },
  } satisfies Partial<Handlers<RouteName>>
}

async function act({ pools }: ApiDeps, trx: Trx, { params, body, projectId }: Call<'pools.act'>): Promise<void> {
  // Not locked here: the keeper of the pools has an order of its own for its locks.
  const { id, status } = await requirePool(trx, projectId, params.pool_id)
  if ('allocate' in body) return pools.allocate(trx, id)
  if ('deallocate' in body) return pools.deallocate(trx, id, { force: body.deallocate?.force ?? false })
  if (status !== 'ALLOCATED')
    throw new InstarError('api.wrong-state', `minion pool ${id} is ${status}; it can be refreshed only when ALLOCATED`)
  return pools.refresh(trx, id)
}
