import type { Kysely, Transaction } from 'kysely'
import type { InstarEvent, ScriptRun } from '@instar/contract'
import type { Database, ExecutionState, Requirement } from '@instar/store'
import type { PlannedStep } from './plans/planned-step.ts'
import type { TaskType } from './plans/task-types.ts'
import type { WorkerOptions } from './worker/worker.ts'

/** What servers and workers use of the engine, opened once in a process. Work that belongs to a change of the caller's own runs in the caller's transaction. */
export interface Engine extends AsyncDisposable {
  /**
   * Stores the plan as an execution of the action and sends its first tasks. The caller has locked the action's row and knows that it is not busy.
   * Answers the execution's id. Workers see the tasks when `trx` commits.
   */
  start(trx: Transaction<Database>, request: StartRequest): Promise<string>
  /**
   * Begins an execution that was started with `awaitingMinions`, or ends it (`minions_failed`) with all its tasks left out. Does nothing when it was
   * cancelled meanwhile; answers whether it did.
   */
  settleMinions(trx: Transaction<Database>, executionId: string, outcome: 'allocated' | { readonly failed: string }): Promise<boolean>
  /**
   * From here on only this worker does the tasks of a machine that have not begun, until it is gone: then any that fits. Tasks that any worker may
   * do stay so. Locks the execution.
   */
  assign(trx: Transaction<Database>, assignment: Assignment): Promise<void>
  /**
   * Cancels (coriolis-api.md 5.2). Throws `engine.not-active` when the execution has ended, `engine.already-cancelling` for a second plain cancel.
   */
  cancel(trx: Transaction<Database>, executionId: string, options: { readonly force: boolean }): Promise<void>
  /** Whether the action has an execution that has not ended. */
  isBusy(db: Kysely<Database>, actionId: string): Promise<boolean>
  readonly info: InfoStore
  /**
   * Asks a provider through a fitting worker. Throws `engine.no-worker` when no live worker fits for 10 s, `provider.unsupported` when none has a
   * provider that can do it, `engine.no-answer` after 60 s, and whatever error the worker answered.
   */
  ask(question: Question): Promise<unknown>
  /** Stored and new events after `after`, in the order of `seq`, until `signal` aborts. None is left out; memory holds a page at a time. */
  followEvents(request: FollowEvents): AsyncIterable<StoredEvent>
  readonly scripts: ScriptReader
  /**
   * Runs tasks and answers questions until `signal` aborts; then the running steps are stopped and handed over. Throws `engine.step-stuck` when a step
   * ignored for 10 s that it was told to stop: then the process must end at once, because the step still runs in it. Its other steps are handed over.
   */
  work(options: WorkerOptions): Promise<void>
}

export interface StartRequest {
  readonly action: { readonly id: string; readonly projectId: string; readonly userId: string }
  /** `transfer_execution`, `transfer_update`, `transfer_disks_delete`, `deployment`, or one of the pool's. */
  readonly kind: string
  readonly steps: readonly PlannedStep[]
  /** What the steps and the hook need to know of this run; never a secret. */
  readonly options?: Readonly<Record<string, unknown>>
  /** Whose limits count the work of the steps on that side. */
  readonly endpoints?: { readonly source?: string; readonly destination?: string }
  /** True: no task starts before `settleMinions`. */
  readonly awaitingMinions?: boolean
  /** What the user is told before anything runs: each is an event of the instance's first task, and one for those who follow the execution. */
  readonly remarks?: readonly Remark[]
}

export interface Remark {
  readonly instance: string
  readonly level: 'INFO' | 'WARNING'
  readonly message: string
}

export interface Assignment {
  readonly executionId: string
  readonly instance: string
  /** Absent: whatever their type. */
  readonly types?: readonly TaskType[]
  /** The name of its host. */
  readonly worker: string
}

/** What is known of each machine of an action (coriolis-api.md 3.5), sealed in the database. */
export interface InfoStore {
  /** Instance -> info; instances in their order. */
  read(db: Kysely<Database>, actionId: string): Promise<Map<string, Info>>
  /** Merges the keys of `patch` over those that are there; a null is stored as null. Locks the row until the transaction ends. */
  patch(trx: Transaction<Database>, of: { readonly actionId: string; readonly instance: string }, patch: Info): Promise<void>
  /** The same for many machines of an action by their names, in two statements. A name that is not there is passed over. */
  patchAll(trx: Transaction<Database>, actionId: string, patches: ReadonlyMap<string, Info>): Promise<void>
}

export type Info = Readonly<Record<string, unknown>>

export interface Question {
  readonly projectId: string
  /** Names the handler of the worker (`questions` of `work`). */
  readonly kind: string
  readonly requires: readonly Requirement[]
  /** JSON; sealed in the database, as is the answer. */
  readonly body: unknown
  readonly signal: AbortSignal
}

export interface FollowEvents {
  readonly projectId: string
  /** Only those of one execution, or of one minion pool. */
  readonly of?: { readonly executionId: string } | { readonly poolId: string }
  /** `seq` of the last event that the reader has (`Last-Event-ID`); 0 = from the first that is kept. */
  readonly after: number
  /** False: ends after the stored ones. */
  readonly live: boolean
  readonly signal: AbortSignal
}

export interface StoredEvent {
  readonly executionId: string | null
  readonly poolId: string | null
  readonly event: InstarEvent
}

export type OutputStream = 'stdout' | 'stderr'

export interface ScriptReader {
  /** The records of an execution's script runs, by start. */
  list(executionId: string): Promise<StoredScriptRun[]>
  find(projectId: string, scriptRunId: string): Promise<StoredScriptRun | undefined>
  /** What is kept of a stream now. */
  describe(scriptRunId: string, stream: OutputStream): Promise<OutputExtent>
  /**
   * The kept bytes from `from` (a position in the whole stream) to `to` (exclusive; absent = the end), in pieces of at most 256 KiB; the middle of a
   * long stream is passed over. With `follow` it waits for more until the script has ended.
   */
  read(request: ReadOutput): AsyncIterable<Buffer>
}

export interface StoredScriptRun {
  readonly executionId: string
  readonly taskId: string | null
  readonly instance: string
  readonly run: ScriptRun
}

export interface OutputExtent {
  /** How much the script wrote to the stream so far. */
  readonly sizeBytes: number
  /** The stretch that was not kept (beyond 64 MiB: all but the first and last 32 MiB), or null. */
  readonly leftOut: { readonly from: number; readonly to: number } | null
  readonly hasEnded: boolean
}

export interface ReadOutput {
  readonly scriptRunId: string
  readonly stream: OutputStream
  readonly from: number
  readonly to?: number
  readonly follow: boolean
  readonly signal: AbortSignal
}

/** An execution whose state has just changed in this transaction. */
export interface ExecutionChange {
  readonly id: string
  readonly actionId: string
  readonly projectId: string
  readonly userId: string
  readonly kind: string
  readonly number: number
  readonly state: ExecutionState
  readonly hasEnded: boolean
  readonly options: Readonly<Record<string, unknown>>
}

/** What follows from the engine's facts elsewhere, in the same transaction. Server and worker are given the same. */
export interface EngineHooks {
  onExecutionChanged(trx: Transaction<Database>, change: ExecutionChange): Promise<void>
}

/** How much may be at work at once; absent = no limit. What is over it waits as PENDING. */
export interface EngineLimits {
  readonly perEndpoint?: number
  readonly perProject?: number
}
