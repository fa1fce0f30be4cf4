import { createPlan } from './plan-builder.ts'
import type { PlannedStep, PlanSide } from './planned-step.ts'

/** A pool serves one end of transfers; its machines are made by that end's platform. */
export interface PoolPlan {
  readonly poolId: string
  readonly platform: 'source' | 'destination'
  readonly side: PlanSide
}

/** What is done to one machine of a pool. */
export type MachineOperation = 'create' | 'health-check' | 'power-on' | 'power-off' | 'delete'

const TYPES = {
  source: {
    validate: 'VALIDATE_SOURCE_MINION_POOL_ENVIRONMENT_OPTIONS',
    'set-up': 'SET_UP_SOURCE_POOL_SHARED_RESOURCES',
    'tear-down': 'TEAR_DOWN_SOURCE_POOL_SHARED_RESOURCES',
    create: 'CREATE_SOURCE_MINION_MACHINE',
    'health-check': 'HEALTHCHECK_SOURCE_MINION',
    'power-on': 'POWER_ON_SOURCE_MINION',
    'power-off': 'POWER_OFF_SOURCE_MINION',
    delete: 'DELETE_SOURCE_MINION_MACHINE',
  },
  destination: {
    validate: 'VALIDATE_DESTINATION_MINION_POOL_ENVIRONMENT_OPTIONS',
    'set-up': 'SET_UP_DESTINATION_POOL_SHARED_RESOURCES',
    'tear-down': 'TEAR_DOWN_DESTINATION_POOL_SHARED_RESOURCES',
    create: 'CREATE_DESTINATION_MINION_MACHINE',
    'health-check': 'HEALTHCHECK_DESTINATION_MINION',
    'power-on': 'POWER_ON_DESTINATION_MINION',
    'power-off': 'POWER_OFF_DESTINATION_MINION',
    delete: 'DELETE_DESTINATION_MINION_MACHINE',
  },
} as const

/** Makes the pool usable: its shared resources, then these machines in parallel. A failure takes everything down again. */
export function planPoolAllocation(pool: PoolPlan, machineIds: readonly string[]): PlannedStep[] {
  const { steps, forInstance } = createPlan({ [pool.platform]: pool.side })
  const types = TYPES[pool.platform]
  const addToPool = forInstance(pool.poolId)
  const valid = addToPool(types.validate)
  const shared = addToPool(types['set-up'], [valid])
  const created = machineIds.map(machineId => forInstance(machineId)(types.create, [shared]))
  const deleted = machineIds.map((machineId, at) => forInstance(machineId)(types.delete, [created[at]], 'error'))
  addToPool(types['tear-down'], [shared, ...created, ...deleted], 'error')
  return steps
}

/** A machine that is there, and the worker inside which it lives, where it does. */
export interface PlannedMachine {
  readonly id: string
  /** The name of the worker's host. */
  readonly heldBy?: string | undefined
}

/** Takes down these machines, all that the pool has, and then its shared resources. */
export function planPoolDeallocation(pool: PoolPlan, machines: readonly PlannedMachine[]): PlannedStep[] {
  const { steps, forInstance } = createPlan({ [pool.platform]: pool.side })
  const types = TYPES[pool.platform]
  const deleted = machines.map(({ id }) => forInstance(id)(types.delete))
  forInstance(pool.poolId)(types['tear-down'], deleted)
  return steps.map((step, at) => heldStep(step, machines[at]?.heldBy))
}

/**
 * Operations on one machine, one after the other: `['delete', 'create']` deploys it anew. One execution a machine, so that one machine's
 * failure stops no other machine's work.
 */
export function planMachineWork(pool: PoolPlan, machine: PlannedMachine, operations: readonly MachineOperation[]): PlannedStep[] {
  const { steps, forInstance } = createPlan({ [pool.platform]: pool.side })
  const add = forInstance(machine.id)
  let last: number | undefined
  for (const operation of operations) last = add(TYPES[pool.platform][operation], [last])
  return steps.map((step, at) => (operations[at] === 'create' ? step : heldStep(step, machine.heldBy)))
}

/** A step on a machine that lives inside a worker is done by that worker. */
function heldStep(step: PlannedStep, heldBy: string | undefined): PlannedStep {
  return heldBy === undefined ? step : { ...step, requires: step.requires.map(one => ({ ...one, worker: heldBy })) }
}
