import type { ExecutionChange } from '../engine.ts'
import { continueDeallocation } from './allocation.ts'
import { assignToHolder } from './held-machines.ts'
import type { PoolDeps, Trx } from './pool-deps.ts'
import { POOL_KINDS, startMachineWork, type MachinePurpose } from './pool-plan.ts'
import { addPoolEvent, lockPool, setPoolStatus, updateMinion, type MinionRow, type PoolRow } from './pool-row.ts'
import { freeMinion, minionInfo, openDetails } from './release.ts'
import { deployAnew } from './upkeep.ts'

/** What follows when an execution of a pool has ended, in the same transaction. */
export async function afterPoolWork(deps: PoolDeps, trx: Trx, change: ExecutionChange): Promise<void> {
  const isDone = change.state === 'completed'
  const machineId = typeof change.options['machine_id'] === 'string' ? change.options['machine_id'] : undefined
  if (machineId !== undefined) await lockReserving(trx, machineId)
  const pool = await lockPool(trx, change.actionId)
  if (change.kind === POOL_KINDS.allocation) await afterAllocation(deps, trx, pool, isDone)
  if (change.kind === POOL_KINDS.deallocation) return afterDeallocation(deps, trx, pool, isDone)
  if (machineId !== undefined) {
    const minion = await trx.selectFrom('minion_machines').selectAll().where('id', '=', machineId).executeTakeFirst()
    if (minion) await afterMachineWork(deps, trx, { pool, minion, change })
  }
  await continueDeallocation(deps, trx, await lockPool(trx, change.actionId))
}

/** The execution for which the machine is reserved is locked before the pool, as whoever cancels it has it locked and then frees machines. */
async function lockReserving(trx: Trx, machineId: string): Promise<void> {
  await trx
    .selectFrom('executions')
    .select('id')
    .where('id', '=', eb => eb.selectFrom('minion_machines').select('reserved_for').where('id', '=', machineId))
    .forNoKeyUpdate()
    .execute()
}

async function afterAllocation(deps: PoolDeps, trx: Trx, pool: PoolRow, isDone: boolean): Promise<void> {
  if (isDone) {
    await trx.updateTable('minion_pools').set({ refreshed_at: deps.now() }).where('id', '=', pool.id).execute()
    await trx
      .updateTable('minion_machines')
      .set({ allocation_status: 'AVAILABLE' })
      .where('pool_id', '=', pool.id)
      .where('details', 'is not', null)
      .execute()
    const unmade = await trx
      .selectFrom('minion_machines')
      .select('id')
      .where('pool_id', '=', pool.id)
      .where('details', 'is', null)
      .execute()
    if (pool.goal === null) for (const { id } of unmade) await deployAnew(deps, trx, pool, id)
    if (pool.goal === null) await setPoolStatus(deps, trx, pool, 'ALLOCATED')
    return
  }
  // What was made was deleted again; a machine that still has details could not be, and is left for a deallocation.
  await trx.deleteFrom('minion_machines').where('pool_id', '=', pool.id).where('details', 'is', null).execute()
  if (pool.goal === null) await setPoolStatus(deps, trx, pool, 'ERROR')
}

async function afterDeallocation(deps: PoolDeps, trx: Trx, pool: PoolRow, isDone: boolean): Promise<void> {
  await trx.updateTable('minion_pools').set({ goal: null }).where('id', '=', pool.id).execute()
  if (isDone) await trx.deleteFrom('minion_machines').where('pool_id', '=', pool.id).execute()
  else await trx.updateTable('minion_machines').set({ allocation_status: 'ERROR' }).where('pool_id', '=', pool.id).execute()
  await setPoolStatus(deps, trx, pool, isDone ? 'DEALLOCATED' : 'ERROR')
}

interface MachineWork {
  readonly pool: PoolRow
  readonly minion: MinionRow
  readonly change: ExecutionChange
}

async function afterMachineWork(deps: PoolDeps, trx: Trx, work: MachineWork): Promise<void> {
  const { pool, minion, change } = work
  const isDone = change.state === 'completed'
  if (!isDone) {
    const message = `${String(change.options['operations'])} of machine ${minion.id} failed`
    await addPoolEvent(deps, trx, pool, { level: 'WARNING', message })
  }
  switch (change.options['purpose'] as MachinePurpose) {
    case 'reserve':
      return isDone ? afterReservation(deps, trx, minion) : afterFailedReservation(deps, trx, work)
    case 'check':
      if (isDone) return updateMinion(deps, trx, minion.id, { allocation_status: 'AVAILABLE' })
      await updateMinion(deps, trx, minion.id, { allocation_status: 'ERROR' })
      return pool.goal === null ? deployAnew(deps, trx, pool, minion.id) : undefined
    case 'deploy':
      return updateMinion(deps, trx, minion.id, { allocation_status: isDone ? 'AVAILABLE' : 'ERROR_DEPLOYING' })
    case 'sleep':
      return updateMinion(deps, trx, minion.id, { allocation_status: isDone ? 'AVAILABLE' : 'POWER_ERROR' })
    case 'shrink':
      if (!isDone) return updateMinion(deps, trx, minion.id, { allocation_status: 'ERROR' })
      await trx.deleteFrom('minion_machines').where('id', '=', minion.id).execute()
  }
}

/** The execution begins with the last of its machines. One that was cancelled meanwhile gives them back. */
async function afterReservation(deps: PoolDeps, trx: Trx, minion: MinionRow): Promise<void> {
  const { reserved_for: executionId, allocated_action: actionId } = minion
  await updateMinion(deps, trx, minion.id, { allocation_status: 'IN_USE' })
  if (executionId === null || actionId === null) return freeMinion(deps, trx, minion.id)
  const execution = await trx.selectFrom('executions').select('state').where('id', '=', executionId).executeTakeFirst()
  if (execution?.state !== 'awaiting_minions') return freeMinion(deps, trx, minion.id)
  const reserved = await trx.selectFrom('minion_machines').selectAll().where('reserved_for', '=', executionId).execute()
  if (reserved.some(one => one.allocation_status !== 'IN_USE')) return
  for (const one of reserved) {
    const details = openDetails(deps, one)
    await assignToHolder(deps, trx, executionId, one)
    if (one.instance === null || one.role === null || details === null) continue
    await deps.engine().info.patch(trx, { actionId, instance: one.instance }, minionInfo(one.role, { id: one.id, details }))
  }
  await deps.engine().settleMinions(trx, executionId, 'allocated')
}

/** A machine whose check failed is deployed anew, once; then the execution has to go without. */
async function afterFailedReservation(deps: PoolDeps, trx: Trx, { pool, minion, change }: MachineWork): Promise<void> {
  const operations = change.options['operations'] as readonly string[]
  if (change.state === 'failed' && !operations.includes('create') && pool.goal === null) {
    await updateMinion(deps, trx, minion.id, { allocation_status: 'ALLOCATING' })
    return startMachineWork(deps, trx, pool, { machineId: minion.id, purpose: 'reserve', operations: ['delete', 'create'] })
  }
  await updateMinion(deps, trx, minion.id, {
    allocation_status: 'ERROR_DEPLOYING',
    allocated_action: null,
    reserved_for: null,
    instance: null,
    role: null,
  })
  if (minion.reserved_for === null) return
  const failed = `machine ${minion.id} of minion pool ${pool.name} could not be made ready`
  await deps.engine().settleMinions(trx, minion.reserved_for, { failed })
}
