import type { PoolDeps, Trx } from './pool-deps.ts'
import { startMachineWork } from './pool-plan.ts'
import { addMinion, addPoolEvent, lockPool, readMinions, requireStatus, updateMinion, type MinionRow, type PoolRow } from './pool-row.ts'

/** How often a pool is looked after without being asked. */
export const REFRESH_MS = 10 * 60_000
/** How long the executions of a pool are kept for the log after they ended. */
const HISTORY_MS = 24 * 3_600_000

/**
 * Looks after an allocated pool: machines above the minimum that were idle for too long are deleted or switched off, the others that are on are
 * checked, what failed is deployed anew, and what is missing is made. Throws `api.wrong-state` unless the pool is ALLOCATED.
 */
export async function refreshPool(deps: PoolDeps, trx: Trx, poolId: string): Promise<void> {
  const pool = await lockPool(trx, poolId)
  requireStatus(pool, ['ALLOCATED'], 'refresh')
  await trx.updateTable('minion_pools').set({ refreshed_at: deps.now() }).where('id', '=', poolId).execute()
  await forgetHistory(deps, trx, poolId)

  const minions = await readMinions(trx, poolId)
  const surplus = surplusOf(deps, pool, minions)
  for (const minion of surplus) await retire(deps, trx, pool, minion)
  await tell(deps, trx, pool, surplus.length === 0 ? 'No machine has been idle for too long' : `Idle for too long: ${idsOf(surplus)}`)

  const rest = minions.filter(minion => !surplus.includes(minion))
  const checked = rest.filter(({ allocation_status, power_status }) => allocation_status === 'AVAILABLE' && power_status === 'POWERED_ON')
  for (const minion of checked) {
    await updateMinion(deps, trx, minion.id, { allocation_status: 'HEALTHCHECKING' })
    await startMachineWork(deps, trx, pool, { machineId: minion.id, purpose: 'check', operations: ['health-check'] })
  }
  if (checked.length > 0) await tell(deps, trx, pool, `Checking ${idsOf(checked)}`)

  for (const minion of rest.filter(isFailed)) await deployAnew(deps, trx, pool, minion.id)
  for (let count = rest.length; count < pool.minimum_minions; count += 1) {
    const { id } = await addMinion(deps, trx, pool)
    await deployAnew(deps, trx, pool, id)
  }
}

const FAILED: ReadonlySet<string> = new Set(['ERROR', 'ERROR_DEPLOYING', 'POWER_ERROR'])

/** Also one that is said to be there, and of which nothing is known. */
function isFailed({ allocation_status: status, details }: MinionRow): boolean {
  return FAILED.has(status) || (status === 'AVAILABLE' && details === null)
}

/** Machines beyond the minimum that nobody used for longer than the pool keeps them; the longest idle first. */
function surplusOf(deps: PoolDeps, pool: PoolRow, minions: readonly MinionRow[]): MinionRow[] {
  const keepsSleeping = pool.minion_retention_strategy === 'poweroff'
  const counted = keepsSleeping ? minions.filter(({ power_status }) => power_status === 'POWERED_ON') : minions
  const idleSince = (minion: MinionRow) => (minion.last_used_at ?? minion.created_at).getTime()
  return counted
    .filter(({ allocation_status }) => allocation_status === 'AVAILABLE')
    .filter(minion => deps.now().getTime() - idleSince(minion) > pool.minion_max_idle_time * 1000)
    .sort((a, b) => idleSince(a) - idleSince(b))
    .slice(0, Math.max(0, counted.length - pool.minimum_minions))
}

async function retire(deps: PoolDeps, trx: Trx, pool: PoolRow, minion: MinionRow): Promise<void> {
  const sleeps = pool.minion_retention_strategy === 'poweroff'
  await updateMinion(deps, trx, minion.id, { allocation_status: sleeps ? 'POWERING_OFF' : 'DEALLOCATING' })
  await startMachineWork(deps, trx, pool, {
    machineId: minion.id,
    purpose: sleeps ? 'sleep' : 'shrink',
    operations: [sleeps ? 'power-off' : 'delete'],
  })
}

/** The machine is made under its old id; what is left of the old one goes first. */
export async function deployAnew(deps: PoolDeps, trx: Trx, pool: PoolRow, machineId: string): Promise<void> {
  await updateMinion(deps, trx, machineId, { allocation_status: 'ALLOCATING' })
  await startMachineWork(deps, trx, pool, { machineId, purpose: 'deploy', operations: ['delete', 'create'] })
}

/** Pools whose last look is too long ago, one transaction each; several processes may do this at once. */
export async function tendPools(deps: PoolDeps, signal: AbortSignal): Promise<number> {
  let tended = 0
  while (!signal.aborted && (await deps.store.transact(trx => tendOne(deps, trx), signal))) tended += 1
  return tended
}

async function tendOne(deps: PoolDeps, trx: Trx): Promise<boolean> {
  const due = await trx
    .selectFrom('minion_pools')
    .innerJoin('actions', 'actions.id', 'minion_pools.id')
    .select('minion_pools.id')
    .where('status', '=', 'ALLOCATED')
    .where('actions.deleted_at', 'is', null)
    .where(({ eb }) => eb.or([eb('refreshed_at', 'is', null), eb('refreshed_at', '<', new Date(deps.now().getTime() - REFRESH_MS))]))
    .orderBy('refreshed_at')
    .limit(1)
    .forUpdate('actions')
    .skipLocked()
    .executeTakeFirst()
  if (due === undefined) return false
  await refreshPool(deps, trx, due.id)
  return true
}

async function forgetHistory(deps: PoolDeps, trx: Trx, poolId: string): Promise<void> {
  await trx
    .deleteFrom('executions')
    .where('action_id', '=', poolId)
    .where('ended_at', '<', new Date(deps.now().getTime() - HISTORY_MS))
    .execute()
}

async function tell(deps: PoolDeps, trx: Trx, pool: PoolRow, message: string): Promise<void> {
  await addPoolEvent(deps, trx, pool, { level: 'INFO', message })
}

function idsOf(minions: readonly MinionRow[]): string {
  return minions.map(({ id }) => id).join(', ')
}
