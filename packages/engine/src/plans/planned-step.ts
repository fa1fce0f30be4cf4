import type { TaskType } from './task-types.ts'

/**
 * When a step runs, besides its needs (coriolis-api.md 5.1):
 * `success` after all it needs has COMPLETED; `always` a clean-up that runs in success and failure; `error` a clean-up that is
 * hidden until the first failure or cancel.
 */
export type StepRule = 'success' | 'always' | 'error'

/** One platform that the worker of a step must offer, with what it must be able to do there. */
export interface StepRequirement {
  readonly side: 'source' | 'destination'
  readonly platform: string
  /** The capability's number (CAPABILITIES), one of the worker's `types` for the platform. */
  readonly capability: number
  /** Ids of the endpoint's regions: the worker is in at least one of them. Empty = any worker. */
  readonly regions: readonly string[]
  /** Only this worker, by the name of its host, as long as it is there: it holds the machine. Absent = any that fits. */
  readonly worker?: string
}

/** A step of a plan before it is stored. The place in the list is the order of creation, and so the task's index on the wire. */
export interface PlannedStep {
  readonly type: TaskType
  /** The machine's name in the transfer; in a plan of a minion pool the minion machine's id, or the pool's id. */
  readonly instance: string
  /** Places in the list of earlier steps. */
  readonly needs: readonly number[]
  readonly rule: StepRule
  /** All of them by one worker; none = any worker, since the step touches only our own tables. */
  readonly requires: readonly StepRequirement[]
  /** Ends only together with the steps of its type of all other instances (coriolis-api.md 5.12). */
  readonly barrier?: true
}

/** One end of a transfer, as far as a plan needs it. */
export interface PlanSide {
  readonly platform: string
  readonly regions: readonly string[]
}
