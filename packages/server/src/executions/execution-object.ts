import type { Selectable } from 'kysely'
import { executionStatus, taskStatus } from '@instar/engine'
import { EXECUTION_TYPES, type Execution, type ExecutionType, type Task } from '@instar/contract/api'
import type { Database } from '@instar/store'
import type { Db } from '../api-deps.ts'
import { timesOf } from '../lists/row.ts'

export type ExecutionRow = Selectable<Database['executions']>

/** Executions as the wire shows them, each with all its tasks. */
export async function executionObjects(db: Db, rows: readonly ExecutionRow[]): Promise<Execution[]> {
  const tasks = await tasksOf(
    db,
    rows.map(({ id }) => id),
  )
  return rows.map(row => executionObject(row, tasks.get(row.id) ?? []))
}

export function executionObject(row: ExecutionRow, tasks: Task[]): Execution {
  return {
    id: row.id,
    action_id: row.action_id,
    type: typeOf(row.kind),
    number: row.number,
    status: executionStatus(row.state),
    tasks,
    ...timesOf(row),
  }
}

function typeOf(kind: string): ExecutionType {
  const type = EXECUTION_TYPES.find(known => known === kind)
  if (type === undefined) throw new TypeError(`an execution of the kind ${kind} belongs to no transfer or deployment`)
  return type
}

/** The tasks of executions with their progress and events, in order. Clean-up that waits for a failure is left out. */
export async function tasksOf(db: Db, executionIds: readonly string[]): Promise<Map<string, Task[]>> {
  if (executionIds.length === 0) return new Map()
  const rows = await db
    .selectFrom('tasks')
    .selectAll()
    .where('execution_id', 'in', executionIds)
    .where('state', '<>', 'dormant')
    .orderBy('idx')
    .execute()
  const ofTasks = db.selectFrom('tasks').select('id').where('execution_id', 'in', executionIds)
  const progress = groupByTask(await db.selectFrom('task_progress').selectAll().where('task_id', 'in', ofTasks).orderBy('idx').execute())
  const events = groupByTask(await db.selectFrom('task_events').selectAll().where('task_id', 'in', ofTasks).orderBy('idx').execute())
  const tasks = Map.groupBy(rows, row => row.execution_id)
  return new Map(
    [...tasks].map(([id, rows]) => [id, rows.map(row => taskObject(row, progress.get(row.id) ?? [], events.get(row.id) ?? []))]),
  )
}

function groupByTask<T extends { readonly task_id: string }>(rows: readonly T[]): Map<string, T[]> {
  return Map.groupBy(rows, row => row.task_id)
}

type ProgressRow = Selectable<Database['task_progress']>
type EventRow = Selectable<Database['task_events']>

function taskObject(row: Selectable<Database['tasks']>, progress: readonly ProgressRow[], events: readonly EventRow[]): Task {
  return {
    id: row.id,
    execution_id: row.execution_id,
    instance: row.instance,
    task_type: row.type,
    status: taskStatus(row),
    host: row.host,
    process_id: row.process_id,
    index: row.idx,
    on_error: row.rule !== 'success',
    depends_on: row.depends_on.length === 0 ? null : row.depends_on,
    exception_details: row.reason,
    progress_updates: progress.map(({ id, task_id, idx, message, current_step, total_steps, ...times }) => ({
      id,
      task_id,
      index: idx,
      current_step,
      total_steps,
      message,
      ...timesOf({ id, ...times }),
    })),
    events: events.map(({ id, task_id, idx, level, message, created_at }) => ({
      id,
      task_id,
      index: idx,
      level,
      message,
      ...timesOf({ id, created_at, updated_at: null }),
    })),
    ...timesOf(row),
  }
}
