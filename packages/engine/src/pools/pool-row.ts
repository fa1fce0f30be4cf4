import type { Selectable } from 'kysely'
import { InstarError } from '@instar/contract'
import type { MinionAllocationStatus, PoolStatus } from '@instar/contract/api'
import type { Database } from '@instar/store'
import { EVENTS_CHANNEL, writeEvents } from '../events/write-events.ts'
import type { PoolDeps, Trx } from './pool-deps.ts'

export type PoolRow = Selectable<Database['minion_pools']> & { readonly user_id: string }
export type MinionRow = Selectable<Database['minion_machines']>

/**
 * The pool with the row of its action locked: one at a time decides about its machines. Locks are taken in the order execution, pool, machine;
 * whoever has the pool locked cancels no execution of it.
 */
export async function lockPool(trx: Trx, poolId: string): Promise<PoolRow> {
  const action = await trx
    .selectFrom('actions')
    .select('user_id')
    .where('id', '=', poolId)
    .where('deleted_at', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst()
  const pool = await trx.selectFrom('minion_pools').selectAll().where('id', '=', poolId).executeTakeFirst()
  if (!action || !pool) throw new InstarError('api.not-found', `there is no minion pool ${poolId}`)
  return { ...pool, user_id: action.user_id }
}

/** Throws `api.wrong-state` unless the pool is in one of these. */
export function requireStatus(pool: PoolRow, allowed: readonly PoolStatus[], what: string): void {
  if (allowed.some(status => status === pool.status)) return
  throw new InstarError('api.wrong-state', `minion pool ${pool.name} is ${pool.status}; to ${what} it, it must be ${allowed.join(' or ')}`)
}

/** Every change of the status is an event of the pool. */
export async function setPoolStatus(deps: PoolDeps, trx: Trx, pool: PoolRow, status: PoolStatus): Promise<void> {
  if (pool.status === status) return
  await trx.updateTable('minion_pools').set({ status }).where('id', '=', pool.id).execute()
  await trx.updateTable('actions').set({ updated_at: deps.now() }).where('id', '=', pool.id).execute()
  const level = status === 'ERROR' ? 'ERROR' : 'INFO'
  await addPoolEvent(deps, trx, pool, { level, message: `The status changed from ${pool.status} to ${status}` })
}

/** Also told to those who follow the pool. The caller has locked it, so that no two events get one number. */
export async function addPoolEvent(
  deps: PoolDeps,
  trx: Trx,
  pool: Pick<PoolRow, 'id' | 'project_id'>,
  event: { readonly level: 'INFO' | 'WARNING' | 'ERROR'; readonly message: string },
): Promise<void> {
  const found = await trx
    .selectFrom('pool_events')
    .select(({ fn }) => fn.max('idx').as('last'))
    .where('pool_id', '=', pool.id)
    .executeTakeFirstOrThrow()

  await trx
    .insertInto('pool_events')
    .values({ id: deps.newId(), pool_id: pool.id, idx: (found?.last ?? -1) + 1, ...event, created_at: deps.now() })
    .execute()
  const kind = event.level === 'INFO' ? 'progress' : 'warning'
  await writeEvents(trx, { projectId: pool.project_id, poolId: pool.id }, [{ kind, message: event.message }])
  await deps.store.notify(trx, EVENTS_CHANNEL, pool.project_id)
}

/** The machines of a pool, oldest first. */
export async function readMinions(trx: Trx, poolId: string): Promise<MinionRow[]> {
  return trx.selectFrom('minion_machines').selectAll().where('pool_id', '=', poolId).orderBy('created_at').orderBy('id').execute()
}

/** A row for a machine that is still to be made. */
export async function addMinion(
  deps: PoolDeps,
  trx: Trx,
  pool: PoolRow,
  status: MinionAllocationStatus = 'UNINITIALIZED',
): Promise<MinionRow> {
  return trx
    .insertInto('minion_machines')
    .values({
      id: deps.newId(),
      pool_id: pool.id,
      project_id: pool.project_id,
      user_id: pool.user_id,
      allocation_status: status,
      power_status: 'UNINITIALIZED',
      allocated_action: null,
      last_used_at: null,
      details: null,
      reserved_for: null,
      instance: null,
      role: null,
      held_by: null,
      created_at: deps.now(),
      updated_at: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
}

export async function updateMinion(
  deps: PoolDeps,
  trx: Trx,
  machineId: string,
  change: Partial<Omit<MinionRow, 'allocation_status'>> & { readonly allocation_status?: MinionAllocationStatus },
): Promise<void> {
  await trx
    .updateTable('minion_machines')
    .set({ ...change, updated_at: deps.now() })
    .where('id', '=', machineId)
    .execute()
}
