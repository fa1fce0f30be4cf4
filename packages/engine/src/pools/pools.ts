import type { EngineHooks } from '../engine.ts'
import { afterPoolWork } from './after-pool-work.ts'
import { allocatePool, deallocatePool } from './allocation.ts'
import { readHeldBy, replaceLost, replaceOrphans, type HeldMinion } from './held-machines.ts'
import type { PoolDeps, Trx } from './pool-deps.ts'
import { createPoolRecords, type PoolRecords } from './pool-records.ts'
import { releaseMinions } from './release.ts'
import { reserveMinions, type ReservationRequest } from './reservation.ts'
import { refreshPool, tendPools } from './upkeep.ts'

/** Minion pools (coriolis-api.md 2.8, 4.5, 4.6, 5.9): all decisions about their machines, in the caller's transaction. */
export interface Pools {
  allocate(trx: Trx, poolId: string): Promise<void>
  deallocate(trx: Trx, poolId: string, options: { readonly force: boolean }): Promise<void>
  refresh(trx: Trx, poolId: string): Promise<void>
  reserve(trx: Trx, request: ReservationRequest): Promise<void>
  /** Refreshes the pools that are due; answers how many. To be called about every minute, by any number of processes. */
  tend(signal: AbortSignal): Promise<number>
  /** The machines that live inside this worker, as far as is known here. */
  heldBy(worker: string): Promise<HeldMinion[]>
  /** Makes anew those of these machines that are free and should be on: their worker knows that they are not there any more. */
  replaceLost(machineIds: readonly string[], signal: AbortSignal): Promise<void>
  /** The same for free machines whose workers are gone. */
  replaceOrphans(signal: AbortSignal): Promise<void>
  /** What ends of executions mean for pools: to be called by the engine's hook. */
  readonly hooks: EngineHooks
  /** For the tasks of pools. */
  readonly records: PoolRecords
}

export function createPools(deps: PoolDeps): Pools {
  return {
    allocate: (trx, poolId) => allocatePool(deps, trx, poolId),
    deallocate: (trx, poolId, options) => deallocatePool(deps, trx, poolId, options),
    refresh: (trx, poolId) => refreshPool(deps, trx, poolId),
    reserve: (trx, request) => reserveMinions(deps, trx, request),
    tend: signal => tendPools(deps, signal),
    heldBy: worker => readHeldBy(deps, worker),
    replaceLost: (machineIds, signal) => replaceLost(deps, machineIds, signal),
    replaceOrphans: signal => replaceOrphans(deps, signal),
    records: createPoolRecords(deps),
    hooks: {
      onExecutionChanged: async (trx, change) => {
        if (!change.hasEnded) return
        if (change.kind.startsWith('minion_pool_')) await afterPoolWork(deps, trx, change)
        else await releaseMinions(deps, trx, change)
      },
    },
  }
}
