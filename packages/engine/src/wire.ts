import type { ExecutionStatus, TaskStatus } from '@instar/contract/api'
import type { ExecutionState, TaskRule, TaskState } from '@instar/store'

/** The names of the v1 API for our states (coriolis-api.md 4.1, 4.2). STARTING and FAILED_TO_CANCEL never come up here: a step starts in the worker that claims it, and a cancel needs nobody to be reachable. */
const TASK_STATUS_OF = {
  dormant: 'EXECUTE_ON_ERROR_ONLY',
  waiting: 'SCHEDULED',
  pending: 'PENDING',
  running: 'RUNNING',
  syncing: 'SYNCING',
  cancelling: 'CANCELLING',
  completed: 'COMPLETED',
  completed_late: 'CANCELED_AFTER_COMPLETION',
  failed: 'ERROR',
  cancelled: 'CANCELED',
  forced: 'FORCE_CANCELED',
  skipped: 'UNSCHEDULED',
  unplaced: 'FAILED_TO_SCHEDULE',
  kept: 'CANCELED_FOR_DEBUGGING',
  stranded: 'STRANDED_AFTER_DEADLOCK',
} as const satisfies Record<TaskState, TaskStatus>

const EXECUTION_STATUS_OF = {
  awaiting_minions: 'AWAITING_MINION_ALLOCATIONS',
  running: 'RUNNING',
  cancelling: 'CANCELLING',
  completed: 'COMPLETED',
  failed: 'ERROR',
  cancelled: 'CANCELED',
  deadlocked: 'DEADLOCKED',
  kept_for_debugging: 'CANCELED_FOR_DEBUGGING',
  minions_failed: 'ERROR_ALLOCATING_MINIONS',
} as const satisfies Record<ExecutionState, ExecutionStatus>

export function taskStatus(task: { readonly state: TaskState; readonly rule: TaskRule }): TaskStatus {
  // A clean-up that is caught by a cancel runs on, and its result counts.
  if (task.state === 'cancelling' && task.rule !== 'success') return 'CANCELLING_AFTER_COMPLETION'
  return TASK_STATUS_OF[task.state]
}

/** The status of an execution, and with `null` that of an action that was never executed. */
export function executionStatus(state: ExecutionState | null): ExecutionStatus {
  return state === null ? 'UNEXECUTED' : EXECUTION_STATUS_OF[state]
}

/** The states that a status stands for, for filters by status. PENDING and UNEXECUTED are no states of an execution. */
export function executionStates(status: ExecutionStatus): ExecutionState[] {
  return (Object.keys(EXECUTION_STATUS_OF) as ExecutionState[]).filter(state => EXECUTION_STATUS_OF[state] === status)
}
