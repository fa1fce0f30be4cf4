import { sql } from 'kysely'
import { InstarError } from '@instar/contract'
import type { TaskType } from '../plans/task-types.ts'
import { PRESENCE_MS } from '../worker/registration.ts'
import type { MinionRole, PoolDeps, Trx } from './pool-deps.ts'
import { addPoolEvent, lockPool, updateMinion, type MinionRow } from './pool-row.ts'
import { deployAnew } from './upkeep.ts'

/**
 * Machines of some platforms live inside the worker that made them and die with it (`held_by`). Tasks on such a machine go to that worker as long
 * as it is there; when it is gone, so is the machine, and any worker may find that out, delete it and make another one.
 */

/** One attempt at a task, as far as what it saves of a machine depends on it. */
export interface SavingAttempt {
  readonly taskId: string
  readonly executionId: string
  readonly attempt: number
}

/** Tasks of a transfer or deployment that are done on its minion. A copy is not among them: it needs the source's platform too. */
const ON_MINION: Readonly<Record<MinionRole, readonly TaskType[]>> = {
  origin: ['VALIDATE_SOURCE_MINION_POOL_COMPATIBILITY'],
  destination: [
    'VALIDATE_DESTINATION_MINION_POOL_COMPATIBILITY',
    'ATTACH_VOLUMES_TO_DESTINATION_MINION',
    'DETACH_VOLUMES_FROM_DESTINATION_MINION',
  ],
  osmorphing: [
    'VALIDATE_OSMORPHING_MINION_POOL_COMPATIBILITY',
    'ATTACH_VOLUMES_TO_OSMORPHING_MINION',
    'COLLECT_OS_MORPHING_INFO',
    'OS_MORPHING',
    'DETACH_VOLUMES_FROM_OSMORPHING_MINION',
  ],
}

/** The execution that a minion was made ready for does its work where the minion is. */
export async function assignToHolder(deps: PoolDeps, trx: Trx, executionId: string, minion: MinionRow): Promise<void> {
  const { instance, role, held_by: worker } = minion
  if (instance === null || role === null || worker === null) return
  await deps.engine().assign(trx, { executionId, instance, types: ON_MINION[role], worker })
}

/**
 * Enters a worker as the holder of a machine that it is about to make or switch on. What the execution has still to do on the machine comes to it.
 * Throws `engine.attempt-lost` when the task is another attempt's by now.
 */
export async function holdMinion(
  deps: PoolDeps,
  trx: Trx,
  machineId: string,
  { by, worker }: { readonly by: SavingAttempt; readonly worker: string },
): Promise<void> {
  await deps.engine().assign(trx, { executionId: by.executionId, instance: machineId, worker })
  await requireCurrent(trx, by)
  await updateMinion(deps, trx, machineId, { held_by: worker })
}

/** The task is locked: whoever claims it anew comes after what is saved now. */
export async function requireCurrent(trx: Trx, { taskId, attempt }: SavingAttempt): Promise<void> {
  const task = await trx
    .selectFrom('tasks')
    .select('id')
    .where('id', '=', taskId)
    .where('attempt', '=', attempt)
    .where('state', 'in', ['running', 'cancelling'])
    .forShare()
    .executeTakeFirst()
  if (!task) throw new InstarError('engine.attempt-lost', `task ${taskId} is not at its attempt ${attempt} any more`)
}

export interface HeldMinion {
  readonly id: string
  /** Free and switched on: if it does not live in its worker, it is gone. */
  readonly isIdle: boolean
}

/** The machines that a worker holds, as far as is known here. */
export async function readHeldBy({ store }: PoolDeps, worker: string): Promise<HeldMinion[]> {
  const rows = await store.db
    .selectFrom('minion_machines')
    .select(['id', 'allocation_status', 'power_status'])
    .where('held_by', '=', worker)
    .execute()
  return rows.map(({ id, allocation_status, power_status }) => ({
    id,
    isIdle: allocation_status === 'AVAILABLE' && power_status === 'POWERED_ON',
  }))
}

/** Makes anew, where their pools are allocated, the free machines among these that do not live in their worker any more. */
export async function replaceLost(deps: PoolDeps, machineIds: readonly string[], signal: AbortSignal): Promise<void> {
  for (const id of machineIds) await deps.store.transact(trx => replaceOne(deps, trx, id), signal)
}

/** Makes anew the free machines whose workers are gone. */
export async function replaceOrphans(deps: PoolDeps, signal: AbortSignal): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    select m.id from minion_machines m join minion_pools p on p.id = m.pool_id left join workers w
      on w.host = m.held_by and w.deleted_at is null and w.beat_at > now() - ${PRESENCE_MS} * interval '1 millisecond'
    where m.held_by is not null and w.host is null and m.allocation_status = 'AVAILABLE' and m.power_status = 'POWERED_ON'
      and p.status = 'ALLOCATED'`.execute(deps.store.db)
  await replaceLost(
    deps,
    rows.map(({ id }) => id),
    signal,
  )
}

async function replaceOne(deps: PoolDeps, trx: Trx, machineId: string): Promise<void> {
  const row = await trx.selectFrom('minion_machines').select('pool_id').where('id', '=', machineId).executeTakeFirst()
  if (!row) return
  const pool = await lockPool(trx, row.pool_id)
  const minion = await trx.selectFrom('minion_machines').selectAll().where('id', '=', machineId).executeTakeFirst()
  if (minion?.allocation_status !== 'AVAILABLE' || pool.status !== 'ALLOCATED' || pool.goal !== null) return
  const message = `Machine ${machineId}, which lived inside the worker ${minion.held_by ?? ''}, is gone`
  await addPoolEvent(deps, trx, pool, { level: 'WARNING', message })
  await deployAnew(deps, trx, pool, machineId)
}
