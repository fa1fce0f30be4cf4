import type { ExecutionState, TaskRule, TaskState } from '@instar/store'

/** A task as the rules see it. */
export interface RuleTask {
  readonly id: string
  /** Place in the plan; what a task needs stands before it. */
  readonly idx: number
  readonly type: string
  readonly rule: TaskRule
  readonly dependsOn: readonly string[]
  readonly isBarrier: boolean
  readonly state: TaskState
}

const ACTIVE: ReadonlySet<TaskState> = new Set(['pending', 'running', 'syncing', 'cancelling'])
/** What has not ended and is not at work. A dormant task may stay so for ever. */
const OPEN: ReadonlySet<TaskState> = new Set(['dormant', 'waiting'])
/** coriolis-api.md 4.2, class "final, cancelled". */
const CANCELLED: ReadonlySet<TaskState> = new Set(['completed_late', 'cancelled', 'forced', 'skipped', 'unplaced', 'kept', 'stranded'])
const ACTIVE_EXECUTION: ReadonlySet<ExecutionState> = new Set(['awaiting_minions', 'running', 'cancelling'])

/** Handed to a worker, or at work. */
export const isActive = ({ state }: { readonly state: TaskState }): boolean => ACTIVE.has(state)

export const isFinal = ({ state }: { readonly state: TaskState }): boolean => !ACTIVE.has(state) && !OPEN.has(state)

/** Ended without a result of its own accord. */
export const isCancelled = ({ state }: { readonly state: TaskState }): boolean => CANCELLED.has(state)

/** Its effects are there, and so must be cleaned up. A cancel that came too late changes nothing of that. */
export const hasEffects = ({ state }: { readonly state: TaskState }): boolean => state === 'completed' || state === 'completed_late'

export const isActiveExecution = (state: ExecutionState): boolean => ACTIVE_EXECUTION.has(state)
