import { planMachineWork, type MachineOperation, type PoolPlan } from '../plans/minion-pool.ts'
import type { PlannedStep } from '../plans/planned-step.ts'
import { readHolders } from './holders.ts'
import { readPlanSide } from './plan-side.ts'
import type { PoolDeps, Trx } from './pool-deps.ts'
import type { PoolRow } from './pool-row.ts'

/** Kinds of executions that belong to a pool. They are not shown on the API. */
export const POOL_KINDS = {
  allocation: 'minion_pool_allocate_minions',
  deallocation: 'minion_pool_deallocate_minions',
  maintenance: 'minion_pool_maintenance',
} as const

/**
 * Why work is done on a machine, and so what follows from its end: `reserve` for an execution, `check` of an idle machine, `deploy` anew after a
 * check that failed (or because machines are missing), `shrink` and `sleep` of what was idle for too long.
 */
export type MachinePurpose = 'reserve' | 'check' | 'deploy' | 'shrink' | 'sleep'

export async function startMachineWork(
  deps: PoolDeps,
  trx: Trx,
  pool: PoolRow,
  work: { readonly machineId: string; readonly purpose: MachinePurpose; readonly operations: readonly MachineOperation[] },
): Promise<void> {
  const machine = { id: work.machineId, heldBy: (await readHolders(trx, [work.machineId])).get(work.machineId) }
  const steps = planMachineWork(await poolPlan(trx, pool), machine, work.operations)
  await startPoolExecution(deps, trx, pool, {
    kind: POOL_KINDS.maintenance,
    steps,
    options: { purpose: work.purpose, machine_id: work.machineId, operations: work.operations },
  })
}

export async function startPoolExecution(
  deps: PoolDeps,
  trx: Trx,
  pool: PoolRow,
  of: { readonly kind: string; readonly steps: readonly PlannedStep[]; readonly options: Readonly<Record<string, unknown>> },
): Promise<void> {
  await deps.engine().start(trx, {
    action: { id: pool.id, projectId: pool.project_id, userId: pool.user_id },
    ...of,
    endpoints: { [pool.platform]: pool.endpoint_id },
  })
}

export async function poolPlan(trx: Trx, pool: PoolRow): Promise<PoolPlan> {
  return { poolId: pool.id, platform: pool.platform, side: await readPlanSide(trx, pool.endpoint_id) }
}
