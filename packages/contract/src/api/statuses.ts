/** Statuses as they stand on the wire: Coriolis' own names, spelt as there (CANCELED beside CANCELLING). Inside, states are few. */

export const EXECUTION_STATUSES = [
  'UNEXECUTED',
  'PENDING',
  'AWAITING_MINION_ALLOCATIONS',
  'RUNNING',
  'CANCELLING',
  'COMPLETED',
  'ERROR',
  'CANCELED',
  'DEADLOCKED',
  'CANCELED_FOR_DEBUGGING',
  'ERROR_ALLOCATING_MINIONS',
] as const
/** `status` of an execution and `last_execution_status` of a transfer or deployment. PENDING is a deployment that waits for its execution. */
export type ExecutionStatus = (typeof EXECUTION_STATUSES)[number]

const OPEN_EXECUTION_STATUSES: readonly ExecutionStatus[] = [
  'UNEXECUTED',
  'PENDING',
  'AWAITING_MINION_ALLOCATIONS',
  'RUNNING',
  'CANCELLING',
]

/** Whether it stays so for ever. */
export function isFinalExecution(status: ExecutionStatus): boolean {
  return !OPEN_EXECUTION_STATUSES.includes(status)
}

export const TASK_STATUSES = [
  'SCHEDULED',
  'EXECUTE_ON_ERROR_ONLY',
  'PENDING',
  'STARTING',
  'RUNNING',
  'SYNCING',
  'CANCELLING',
  'CANCELLING_AFTER_COMPLETION',
  'COMPLETED',
  'ERROR',
  'CANCELED',
  'CANCELED_AFTER_COMPLETION',
  'FORCE_CANCELED',
  'UNSCHEDULED',
  'FAILED_TO_SCHEDULE',
  'FAILED_TO_CANCEL',
  'CANCELED_FOR_DEBUGGING',
  'STRANDED_AFTER_DEADLOCK',
] as const
export type TaskStatus = (typeof TASK_STATUSES)[number]

const OPEN_TASK_STATUSES: readonly TaskStatus[] = [
  'SCHEDULED',
  'EXECUTE_ON_ERROR_ONLY',
  'PENDING',
  'STARTING',
  'RUNNING',
  'SYNCING',
  'CANCELLING',
  'CANCELLING_AFTER_COMPLETION',
]

/** Whether the task has ended, or will never start. */
export function isFinalTask(status: TaskStatus): boolean {
  return !OPEN_TASK_STATUSES.includes(status)
}

export const EXECUTION_TYPES = ['transfer_execution', 'transfer_update', 'transfer_disks_delete', 'deployment'] as const
export type ExecutionType = (typeof EXECUTION_TYPES)[number]

export const POOL_STATUSES = [
  'DEALLOCATED',
  'IN_MAINTENANCE',
  'VALIDATING_INPUTS',
  'ALLOCATING_SHARED_RESOURCES',
  'ALLOCATING_MACHINES',
  'ALLOCATED',
  'DEALLOCATING_MACHINES',
  'DEALLOCATING_SHARED_RESOURCES',
  'ERROR',
  'UNKNOWN',
] as const
export type PoolStatus = (typeof POOL_STATUSES)[number]

export const MINION_ALLOCATION_STATUSES = [
  'UNINITIALIZED',
  'ALLOCATING',
  'AVAILABLE',
  'RESERVED',
  'IN_USE',
  'HEALTHCHECKING',
  'DEALLOCATING',
  'POWERING_OFF',
  'ERROR',
  'ERROR_DEPLOYING',
  'POWER_ERROR',
] as const
export type MinionAllocationStatus = (typeof MINION_ALLOCATION_STATUSES)[number]

export const MINION_POWER_STATUSES = ['UNINITIALIZED', 'POWERED_ON', 'POWERED_OFF', 'POWERING_ON', 'POWERING_OFF', 'UNKNOWN'] as const
export type MinionPowerStatus = (typeof MINION_POWER_STATUSES)[number]

export const SERVICE_STATUSES = ['UP', 'DOWN', 'UNKNOWN'] as const
export const EVENT_LEVELS = ['INFO', 'WARNING', 'ERROR'] as const

/** `replica` may be executed and deployed again and again; `live_migration` is meant for one deployment. The work is the same. */
export const SCENARIOS = ['replica', 'live_migration'] as const
export type Scenario = (typeof SCENARIOS)[number]
