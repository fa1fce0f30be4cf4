import type { Log } from '@instar/contract'
import type { Store, WorkerProvider } from '@instar/store'
import type { EngineHooks, EngineLimits } from '../engine.ts'
import type { TaskType } from '../plans/task-types.ts'
import type { StepDefinition } from './step.ts'

export interface WorkerOptions {
  readonly store: Store
  readonly log: Log
  /** How the services list names it; one process a name. */
  readonly host: string
  /** What it offers, by platform. */
  readonly providers: Readonly<Record<string, WorkerProvider>>
  /** `specs` of the service on the wire. */
  readonly specs?: Readonly<Record<string, unknown>>
  readonly steps: Readonly<Partial<Record<TaskType, StepDefinition>>>
  /** By the kind of the question. What they throw reaches the asker with its code. */
  readonly questions?: Readonly<Record<string, QuestionHandler>>
  readonly hooks?: EngineHooks
  readonly limits?: EngineLimits & {
    /** Steps at once in this process; 16 when absent. */
    readonly steps?: number
    /** Questions at once; 16 when absent. */
    readonly questions?: number
  }
  /** Aborted: no new work, the running steps are aborted and handed over, and `runWorker` returns. */
  readonly signal: AbortSignal
}

export type QuestionHandler = (
  body: unknown,
  context: { readonly projectId: string; readonly signal: AbortSignal; readonly log: Log },
) => Promise<unknown>
