import type { Generated, JSONColumnType } from 'kysely'

/** The tables of `0001-engine.sql`. Times are `Date`, counts and byte positions numbers. */
export interface EngineTables {
  actions: ActionsTable
  action_instances: ActionInstancesTable
  executions: ExecutionsTable
  tasks: TasksTable
  task_progress: TaskProgressTable
  task_events: TaskEventsTable
  queues: QueuesTable
  regions: RegionsTable
  workers: WorkersTable
  worker_regions: { worker_id: string; region_id: string }
  questions: QuestionsTable
  script_runs: ScriptRunsTable
  script_output: { script_run_id: string; stream: 'stdout' | 'stderr'; start_byte: number; data: Buffer }
  events: EventsTable
  event_counters: { project_id: string; seq: number }
  firings: { timetable_id: string; minute: Date }
}

interface Dated {
  created_at: Generated<Date>
  updated_at: Date | null
}

export type ActionKind = 'transfer' | 'deployment' | 'minion_pool'

export interface ActionsTable extends Dated {
  id: string
  kind: ActionKind
  project_id: string
  user_id: string
  instances: string[]
  last_execution_state: ExecutionState | null
  deleted_at: Date | null
}

export interface ActionInstancesTable {
  action_id: string
  instance: string
  position: number
  /** Sealed JSON object, at the place `action_instances:<action_id>:<instance>`. */
  info: Buffer | null
}

/** The states of an execution; the names on the wire are made in the engine's `wire.ts`. */
export type ExecutionState =
  | 'awaiting_minions'
  | 'running'
  | 'cancelling'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'deadlocked'
  | 'kept_for_debugging'
  | 'minions_failed'

export interface ExecutionsTable extends Dated {
  id: string
  action_id: string
  project_id: string
  user_id: string
  kind: string
  number: number
  state: ExecutionState
  cancel: Generated<'none' | 'asked' | 'forced'>
  spans_instances: Generated<boolean>
  options: JSONColumnType<Record<string, unknown>>
  ended_at: Date | null
  deleted_at: Date | null
}

/** The states of a task; the names on the wire are made in the engine's `wire.ts`. */
export type TaskState =
  | 'dormant'
  | 'waiting'
  | 'pending'
  | 'running'
  | 'syncing'
  | 'cancelling'
  | 'completed'
  | 'completed_late'
  | 'failed'
  | 'cancelled'
  | 'forced'
  | 'skipped'
  | 'unplaced'
  | 'kept'
  | 'stranded'

/** `success`: when all it depends on succeeded; `always`: clean-up; `error`: clean-up that a failure or cancel wakes. */
export type TaskRule = 'success' | 'always' | 'error'

/** What a worker must offer on one platform. */
export interface Requirement {
  readonly platform: string
  /** The capability's number (coriolis-api.md 4.7). */
  readonly capability: number
  /** Ids of regions: the worker is in at least one of them. Empty = any worker. */
  readonly regions: readonly string[]
  /** Only this worker, by the name of its host: it holds what the work is done on. Absent = any that fits. */
  readonly worker?: string
}

export interface TasksTable extends Dated {
  id: string
  execution_id: string
  project_id: string
  instance: string
  type: string
  idx: number
  rule: TaskRule
  depends_on: string[]
  is_barrier: Generated<boolean>
  state: TaskState
  reason: string | null
  options: JSONColumnType<Record<string, unknown>>
  requires: JSONColumnType<Requirement[]>
  endpoints: string[]
  queue: string
  job_id: string | null
  attempt: Generated<number>
  retries: Generated<number>
  crashes: Generated<number>
  worker_id: string | null
  host: string | null
  process_id: number | null
  pending_at: Date | null
  started_at: Date | null
  ended_at: Date | null
}

export interface TaskProgressTable extends Dated {
  task_id: string
  idx: number
  id: string
  message: string
  current_step: Generated<number>
  total_steps: Generated<number>
}

export interface TaskEventsTable {
  task_id: string
  idx: number
  id: string
  level: 'INFO' | 'WARNING' | 'ERROR'
  message: string
  created_at: Generated<Date>
}

export interface QueuesTable {
  name: string
  requires: JSONColumnType<Requirement[]>
  created_at: Generated<Date>
}

export interface RegionsTable extends Dated {
  id: string
  name: string
  description: string | null
  enabled: Generated<boolean>
  deleted_at: Date | null
}

/** What a worker can do on one platform. */
export interface WorkerProvider {
  /** Capability numbers of coriolis-api.md 4.7. */
  readonly types: readonly number[]
  /** JSON Schemas by their names on the wire. */
  readonly schemas: Readonly<Record<string, unknown>>
}

export interface WorkersTable extends Dated {
  id: string
  host: string
  binary_name: string
  topic: string
  enabled: Generated<boolean>
  providers: JSONColumnType<Record<string, WorkerProvider>>
  specs: JSONColumnType<Record<string, unknown>>
  beat_at: Date | null
  deleted_at: Date | null
}

export interface QuestionsTable {
  id: string
  project_id: string
  kind: string
  requires: JSONColumnType<Requirement[]>
  /** Sealed at `questions:<id>:body` and `questions:<id>:answer`. */
  body: Buffer | null
  worker_id: string | null
  answer: Buffer | null
  created_at: Generated<Date>
  taken_at: Date | null
}

export interface ScriptRunsTable {
  id: string
  execution_id: string
  task_id: string | null
  task_attempt: number | null
  project_id: string
  instance: string
  record: JSONColumnType<Record<string, unknown>>
  stdout_bytes: Generated<number>
  stderr_bytes: Generated<number>
  created_at: Generated<Date>
  ended_at: Date | null
}

export interface EventsTable {
  id: Generated<number>
  project_id: string
  execution_id: string | null
  pool_id: string | null
  seq: number | null
  at: Generated<Date>
  body: JSONColumnType<Record<string, unknown>>
}
