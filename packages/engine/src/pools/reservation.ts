import type { MachineOperation } from '../plans/minion-pool.ts'
import type { MinionRole, PoolDeps, Trx } from './pool-deps.ts'
import { startMachineWork } from './pool-plan.ts'
import { addMinion, lockPool, readMinions, updateMinion, type MinionRow, type PoolRow } from './pool-row.ts'

/** Which machine of a transfer or deployment needs a minion of which pool. */
export interface WantedMinion {
  readonly poolId: string
  readonly instance: string
  readonly role: MinionRole
}

export interface ReservationRequest {
  readonly executionId: string
  readonly actionId: string
  readonly wanted: readonly WantedMinion[]
}

/**
 * Reserves machines for an execution that was started with `awaitingMinions`: those that are there and free, and new ones up to the pool's
 * maximum. They are switched on, checked or made; then the execution begins by itself. When a pool cannot give enough, it ends with
 * `minions_failed` and no machine is touched.
 */
export async function reserveMinions(deps: PoolDeps, trx: Trx, request: ReservationRequest): Promise<void> {
  const pools: { pool: PoolRow; wanted: WantedMinion[]; free: MinionRow[] }[] = []
  for (const poolId of [...new Set(request.wanted.map(wanted => wanted.poolId))].sort()) {
    const pool = await lockPool(trx, poolId)
    const wanted = request.wanted.filter(one => one.poolId === poolId)
    const minions = await readMinions(trx, poolId)
    const free = minions.filter(minion => minion.allocation_status === 'AVAILABLE')
    const possible = free.length + Math.max(0, pool.maximum_minions - minions.length)
    const failed =
      pool.status !== 'ALLOCATED'
        ? `minion pool ${pool.name} is ${pool.status}`
        : possible < wanted.length && `minion pool ${pool.name} has ${possible} machines to give, and ${wanted.length} are needed`
    if (failed) {
      await deps.engine().settleMinions(trx, request.executionId, { failed })
      return
    }
    pools.push({ pool, wanted, free })
  }
  for (const { pool, wanted, free } of pools) {
    for (const [at, one] of wanted.entries()) {
      await reserve(deps, trx, { pool, request, wanted: one, minion: free[at] ?? (await addMinion(deps, trx, pool)) })
    }
  }
}

async function reserve(
  deps: PoolDeps,
  trx: Trx,
  of: { pool: PoolRow; request: ReservationRequest; wanted: WantedMinion; minion: MinionRow },
): Promise<void> {
  const { pool, request, wanted, minion } = of
  await updateMinion(deps, trx, minion.id, {
    allocation_status: minion.details === null ? 'ALLOCATING' : 'RESERVED',
    allocated_action: request.actionId,
    reserved_for: request.executionId,
    instance: wanted.instance,
    role: wanted.role,
    last_used_at: deps.now(),
  })
  await startMachineWork(deps, trx, pool, { machineId: minion.id, purpose: 'reserve', operations: operationsFor(minion) })
}

function operationsFor(minion: MinionRow): MachineOperation[] {
  if (minion.details === null) return ['create']
  return minion.power_status === 'POWERED_ON' ? ['health-check'] : ['power-on', 'health-check']
}
