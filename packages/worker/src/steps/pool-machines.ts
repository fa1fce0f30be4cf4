import { InstarError } from '@instar/contract'
import type { MinionDetails, SavingAttempt, StepContext } from '@instar/engine'
import type { MinionMachine, PoolHalf } from '../providers/pool-half.ts'
import type { TaskCall } from '../providers/provider.ts'
import { showStage } from './pool-shared.ts'
import { detailsOf, machineOf, openPool } from './pool-side.ts'
import type { MakeStep, StepWorld } from './side.ts'

/** Steps of one machine of a pool; the machine of such a task is the minion, by its id. */
export const createMinion: MakeStep = world => ({
  run: async context => {
    await showStage(world, context, { whileAllocating: 'ALLOCATING_MACHINES' })
    const { half, call, shared } = await open(world, context)
    await hold(world, context, half)
    const machine = await half.createMachine(call, shared ?? {})
    await save(world, context, detailsOf(machine))
  },
  undo: async context => {
    const { half, call } = await open(world, context, 'undo ')
    await half.deleteMachine(call, null)
    await save(world, context, null)
  },
})

export const deleteMinion: MakeStep = world => ({
  run: async context => {
    await showStage(world, context, { whileDeallocating: 'DEALLOCATING_MACHINES' })
    const { half, call } = await open(world, context)
    const { details } = await world.pools.records.readMinion(context.task.instance)
    await half.deleteMachine(call, details && machineOf(details))
    await save(world, context, null)
  },
})

export const checkMinion = machineStep((half, call, machine) => half.checkHealth(call, machine))

export const switchMinionOn = machineStep(async (half, call, machine, holdHere) => {
  await holdHere()
  await half.powerOn(call, machine)
  return 'POWERED_ON'
})

export const switchMinionOff = machineStep(async (half, call, machine) => {
  await half.powerOff(call, machine)
  return 'POWERED_OFF'
})

/** A step on a machine that is there; it may tell how the machine's power is now. */
function machineStep(
  work: (
    half: PoolHalf<unknown, unknown>,
    call: TaskCall<unknown, unknown>,
    machine: MinionMachine,
    holdHere: () => Promise<void>,
  ) => Promise<'POWERED_ON' | 'POWERED_OFF' | void>,
): MakeStep {
  return world => ({
    run: async context => {
      const { half, call } = await open(world, context)
      const { details } = await world.pools.records.readMinion(context.task.instance)
      if (!details) throw new InstarError('provider.failed', `minion machine ${context.task.instance} was never made`)
      const power = await work(half, call, machineOf(details), () => hold(world, context, half))
      if (power) await world.pools.records.savePower(context.task.instance, { by: attemptOf(context), power }, context.signal)
    },
  })
}

/** Before there is a machine: whoever looks for it then knows where it is. */
async function hold(world: StepWorld, context: StepContext, half: PoolHalf<unknown, unknown>): Promise<void> {
  if (half.held) await world.pools.records.holdMinion(context.task.instance, { by: attemptOf(context), worker: world.host }, context.signal)
}

function save(world: StepWorld, context: StepContext, details: MinionDetails | null): Promise<void> {
  return world.pools.records.saveMinion(context.task.instance, { by: attemptOf(context), details }, context.signal)
}

function attemptOf({ task, execution }: StepContext): SavingAttempt {
  return { taskId: task.id, executionId: execution.id, attempt: task.attempt }
}

async function open(world: StepWorld, context: StepContext, before = '') {
  return openPool(world, context, {
    poolId: context.execution.actionId,
    key: context.task.instance,
    purpose: before + context.task.type,
  })
}
