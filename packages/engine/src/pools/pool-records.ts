import type { MinionPowerStatus, PoolStatus } from '@instar/contract/api'
import type { Info } from '../engine.ts'
import { holdMinion, requireCurrent, type SavingAttempt } from './held-machines.ts'
import type { MinionRole, PoolDeps, Trx } from './pool-deps.ts'
import { lockPool, setPoolStatus, updateMinion } from './pool-row.ts'
import { freeMinion, openDetails, sealDetails, type MinionDetails } from './release.ts'

/** What the tasks of a pool read and write while they run; each a transaction of its own that may be repeated. */
export interface PoolRecords {
  readPool(poolId: string): Promise<PoolForTask>
  readMinion(machineId: string): Promise<MinionForTask>
  /** The pool shows how far its allocation or deallocation is, unless that has ended. */
  enterStage(of: { readonly poolId: string; readonly executionId: string }, status: PoolStatus, signal: AbortSignal): Promise<void>
  saveShared(poolId: string, shared: Info | null): Promise<void>
  /** A machine that is about to be made or switched on will live inside this worker; what is still to be done on it comes here. */
  holdMinion(machineId: string, of: { readonly by: SavingAttempt; readonly worker: string }, signal: AbortSignal): Promise<void>
  /** `null` when the machine was deleted. This and `savePower` throw `engine.attempt-lost` when the task is another attempt's by now. */
  saveMinion(
    machineId: string,
    of: { readonly by: SavingAttempt; readonly details: MinionDetails | null },
    signal: AbortSignal,
  ): Promise<void>
  savePower(machineId: string, of: { readonly by: SavingAttempt; readonly power: MinionPowerStatus }, signal: AbortSignal): Promise<void>
  /** Gives back the machine that served this machine of the execution. */
  release(of: { readonly executionId: string; readonly instance: string; readonly role: MinionRole }, signal: AbortSignal): Promise<void>
}

export interface PoolForTask {
  readonly endpointId: string
  readonly platform: 'source' | 'destination'
  readonly environment: Info
  readonly shared: Info | null
}

export interface MinionForTask {
  readonly poolId: string
  readonly details: MinionDetails | null
}

export function createPoolRecords(deps: PoolDeps): PoolRecords {
  const { db, vault, transact } = deps.store
  return {
    readPool: async poolId => {
      const pool = await db.selectFrom('minion_pools').selectAll().where('id', '=', poolId).executeTakeFirstOrThrow()
      return {
        endpointId: pool.endpoint_id,
        platform: pool.platform,
        environment: pool.environment_options,
        shared: pool.shared_resources && (vault.open(pool.shared_resources, sharedPlace(poolId)) as Info),
      }
    },
    readMinion: async machineId => {
      const minion = await db.selectFrom('minion_machines').selectAll().where('id', '=', machineId).executeTakeFirstOrThrow()
      return { poolId: minion.pool_id, details: openDetails(deps, minion) }
    },
    enterStage: (of, status, signal) => transact(trx => enterStage(deps, trx, { ...of, status }), signal),
    saveShared: async (poolId, shared) => {
      const shared_resources = shared && vault.seal(shared, sharedPlace(poolId))
      await db.updateTable('minion_pools').set({ shared_resources }).where('id', '=', poolId).execute()
    },
    holdMinion: (machineId, of, signal) => transact(trx => holdMinion(deps, trx, machineId, of), signal),
    saveMinion: (machineId, { by, details }, signal) =>
      transact(async trx => {
        await requireCurrent(trx, by)
        await updateMinion(deps, trx, machineId, {
          details: details && sealDetails(deps, machineId, details),
          power_status: details ? 'POWERED_ON' : 'UNINITIALIZED',
          ...(details ? {} : { held_by: null }),
        })
      }, signal),
    savePower: (machineId, { by, power }, signal) =>
      transact(async trx => {
        await requireCurrent(trx, by)
        await updateMinion(deps, trx, machineId, { power_status: power, ...(power === 'POWERED_OFF' && { held_by: null }) })
      }, signal),
    release: (of, signal) => transact(trx => releaseOne(deps, trx, of), signal),
  }
}

function sharedPlace(poolId: string): string {
  return `minion_pools:${poolId}:shared_resources`
}

async function enterStage(deps: PoolDeps, trx: Trx, of: { poolId: string; executionId: string; status: PoolStatus }): Promise<void> {
  const pool = await lockPool(trx, of.poolId)
  const execution = await trx.selectFrom('executions').select('state').where('id', '=', of.executionId).executeTakeFirst()
  if (execution?.state === 'running') await setPoolStatus(deps, trx, pool, of.status)
}

async function releaseOne(
  deps: PoolDeps,
  trx: Trx,
  of: { readonly executionId: string; readonly instance: string; readonly role: MinionRole },
): Promise<void> {
  const minion = await trx
    .selectFrom('minion_machines')
    .select('id')
    .where('reserved_for', '=', of.executionId)
    .where('instance', '=', of.instance)
    .where('role', '=', of.role)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (minion) await freeMinion(deps, trx, minion.id)
}
