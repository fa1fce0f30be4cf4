import type { PoolStatus } from '@instar/contract/api'
import type { StepContext } from '@instar/engine'
import { openPool, type PoolSide } from './pool-side.ts'
import type { MakeStep, StepWorld } from './side.ts'

/** Steps of a whole pool; the machine of such a task is the pool itself. */
export const validatePool: MakeStep = world => ({
  run: async context => {
    await showStage(world, context, { whileAllocating: 'VALIDATING_INPUTS' })
    const { half, call } = await open(world, context)
    await half.validate(call)
  },
})

export const setUpPool: MakeStep = world => ({
  run: async context => {
    await showStage(world, context, { whileAllocating: 'ALLOCATING_SHARED_RESOURCES' })
    const { half, call, poolId } = await open(world, context)
    await world.pools.records.saveShared(poolId, await half.setUpShared(call))
  },
  undo: async context => {
    const { half, call } = await open(world, context, 'undo ')
    await half.tearDownShared(call, null)
  },
})

export const tearDownPool: MakeStep = world => ({
  run: async context => {
    await showStage(world, context, { whileDeallocating: 'DEALLOCATING_SHARED_RESOURCES' })
    const { half, call, poolId, shared } = await open(world, context)
    await half.tearDownShared(call, shared)
    await world.pools.records.saveShared(poolId, null)
  },
})

/** An allocation that takes everything down again shows no stage of that: it goes to ERROR. */
export async function showStage(
  world: StepWorld,
  { execution, signal }: StepContext,
  stages: { readonly whileAllocating?: PoolStatus; readonly whileDeallocating?: PoolStatus },
): Promise<void> {
  const status = execution.kind === 'minion_pool_allocate_minions' ? stages.whileAllocating : stages.whileDeallocating
  const isPoolWide = execution.kind !== 'minion_pool_maintenance'
  if (status && isPoolWide) await world.pools.records.enterStage({ poolId: execution.actionId, executionId: execution.id }, status, signal)
}

async function open(world: StepWorld, context: StepContext, before = ''): Promise<PoolSide> {
  const poolId = context.execution.actionId
  return openPool(world, context, { poolId, key: poolId, purpose: before + context.task.type })
}
