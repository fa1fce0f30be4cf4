import { InstarError } from '@instar/contract'
import { planPoolAllocation, planPoolDeallocation } from '../plans/minion-pool.ts'
import { readHolders } from './holders.ts'
import type { PoolDeps, Trx } from './pool-deps.ts'
import { POOL_KINDS, poolPlan, startPoolExecution } from './pool-plan.ts'
import { addMinion, addPoolEvent, lockPool, readMinions, requireStatus, setPoolStatus, type MinionRow, type PoolRow } from './pool-row.ts'

/** Starts to make the pool's shared resources and its minimum of machines. Throws `api.wrong-state` unless it is DEALLOCATED. */
export async function allocatePool(deps: PoolDeps, trx: Trx, poolId: string): Promise<void> {
  const pool = await lockPool(trx, poolId)
  requireStatus(pool, ['DEALLOCATED'], 'allocate')
  await setPoolStatus(deps, trx, pool, 'IN_MAINTENANCE')
  await addPoolEvent(deps, trx, pool, { level: 'INFO', message: `Allocating ${pool.minimum_minions} machines` })
  const machineIds: string[] = []
  for (let count = 0; count < pool.minimum_minions; count += 1) machineIds.push((await addMinion(deps, trx, pool, 'ALLOCATING')).id)
  const steps = planPoolAllocation(await poolPlan(trx, pool), machineIds)
  await startPoolExecution(deps, trx, pool, { kind: POOL_KINDS.allocation, steps, options: {} })
}

/**
 * Starts to take the pool down, or lets what still runs on it end first. Nothing happens to a pool that is DEALLOCATED.
 * Throws `api.wrong-state`, unless forced, when the pool is neither ALLOCATED nor ERROR, or machines are in use.
 */
export async function deallocatePool(deps: PoolDeps, trx: Trx, poolId: string, options: { readonly force: boolean }): Promise<void> {
  // Before the pool is locked: a worker that ends one of them has its execution locked and waits for the pool.
  const cancelled = await cancelPoolWork(deps, trx, poolId, options)
  const pool = await lockPool(trx, poolId)
  if (pool.status === 'DEALLOCATED' || pool.goal === 'deallocated') return
  requireDeallocatable(pool, await readMinions(trx, poolId), options)
  await setPoolStatus(deps, trx, pool, 'IN_MAINTENANCE')
  await trx.updateTable('minion_pools').set({ goal: 'deallocated' }).where('id', '=', pool.id).execute()
  const reason = cancelled > 0 ? `, after ${cancelled} tasks on it have ended` : ''
  await addPoolEvent(deps, trx, pool, { level: 'INFO', message: `Deallocating${reason}` })
  await continueDeallocation(deps, trx, { ...pool, status: 'IN_MAINTENANCE', goal: 'deallocated' })
}

function requireDeallocatable(pool: PoolRow, minions: readonly MinionRow[], { force }: { readonly force: boolean }): void {
  if (force) return
  requireStatus(pool, ['ALLOCATED', 'ERROR'], 'deallocate')
  const used = minions.filter(minion => minion.reserved_for !== null)
  if (used.length === 0) return
  throw new InstarError('api.wrong-state', `${used.length} machines of minion pool ${pool.name} are in use`, {
    hint: 'Wait for what uses them, or deallocate with force.',
  })
}

/** Cancels what runs on a pool that may be deallocated; answers how much that was. */
async function cancelPoolWork(deps: PoolDeps, trx: Trx, poolId: string, { force }: { readonly force: boolean }): Promise<number> {
  const pool = await trx.selectFrom('minion_pools').selectAll().where('id', '=', poolId).executeTakeFirst()
  if (!pool || pool.status === 'DEALLOCATED' || pool.goal !== null) return 0
  requireDeallocatable({ ...pool, user_id: '' }, await readMinions(trx, poolId), { force })
  const active = await readActive(trx, poolId, 'locked')
  for (const { id, state } of active) if (state === 'running') await deps.engine().cancel(trx, id, { force: false })
  return active.length
}

/** All are locked before the first is cancelled, which locks the pool. */
async function readActive(trx: Trx, poolId: string, mode: 'locked' | 'as-is') {
  return trx
    .selectFrom('executions')
    .select(['id', 'state'])
    .where('action_id', '=', poolId)
    .where('ended_at', 'is', null)
    .orderBy('id')
    .$if(mode === 'locked', query => query.forNoKeyUpdate())
    .execute()
}

/** Takes the pool down when that is its goal and nothing runs on it any more. The caller has it locked. */
export async function continueDeallocation(deps: PoolDeps, trx: Trx, pool: PoolRow): Promise<void> {
  if (pool.goal !== 'deallocated' || (await readActive(trx, pool.id, 'as-is')).length > 0) return
  const minions = await readMinions(trx, pool.id)
  const holders = await readHolders(
    trx,
    minions.map(({ id }) => id),
  )
  const machines = minions.map(({ id }) => ({ id, heldBy: holders.get(id) }))
  await trx.updateTable('minion_machines').set({ allocation_status: 'DEALLOCATING' }).where('pool_id', '=', pool.id).execute()
  await setPoolStatus(deps, trx, pool, machines.length > 0 ? 'DEALLOCATING_MACHINES' : 'DEALLOCATING_SHARED_RESOURCES')
  const steps = planPoolDeallocation(await poolPlan(trx, pool), machines)
  await startPoolExecution(deps, trx, pool, { kind: POOL_KINDS.deallocation, steps, options: {} })
}
