import { sql, type Transaction } from 'kysely'
import type { Database, TaskRule, TaskState } from '@instar/store'
import type { ExecutionChange } from '../engine.ts'
import type { RuleTask } from '../rules/task-classes.ts'

export interface BoardTask extends RuleTask {
  readonly instance: string
  readonly queue: string
  readonly endpoints: readonly string[]
  readonly attempt: number
}

export type BoardExecution = Omit<ExecutionChange, 'hasEnded'>

/** An execution with tasks of it, locked until the transaction ends. */
export interface Board {
  readonly execution: BoardExecution
  /** In the order of the plan. */
  readonly tasks: readonly BoardTask[]
  /** Whether these are all its tasks. */
  readonly isWhole: boolean
  /** The barrier of the task whose end is at hand stays closed: another task has not come to it yet. */
  readonly isHeldUp: boolean
}

/** The task whose end is at hand. */
export interface AroundTask {
  readonly taskId: string
  readonly isBarrier: boolean
}

interface TaskRow {
  id: string
  idx: number
  type: string
  rule: TaskRule
  depends_on: string[]
  is_barrier: boolean
  state: TaskState
  instance: string
  queue: string
  endpoints: string[]
  attempt: number
}

/**
 * Loads and locks an execution and its tasks; `undefined` when it was deleted. The execution is locked first, and by a statement of its own: the next
 * one then sees all that its last holder has saved. Whoever changes more than the claim of one task holds this lock.
 *
 * With `around` only what the good end of that task concerns: the tasks of its instance, and when it opens a barrier all of them. A transfer of a
 * thousand machines has ten thousand tasks.
 *
 * The locks are the weaker ones, which writers of events and progress do not meet: these only refer to the rows. With `for update` each of them
 * waited for every task that ended, and some for each other.
 */
export async function loadBoard(trx: Transaction<Database>, executionId: string, around?: AroundTask): Promise<Board | undefined> {
  const row = await trx
    .selectFrom('executions')
    .select(['id', 'action_id', 'project_id', 'user_id', 'kind', 'number', 'state', 'options', 'spans_instances'])
    .where('id', '=', executionId)
    .where('deleted_at', 'is', null)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (row === undefined) return undefined
  const { action_id: actionId, project_id: projectId, user_id: userId, spans_instances: spansInstances, ...rest } = row
  const execution = { ...rest, actionId, projectId, userId }
  const isHeldUp = around?.isBarrier === true && (await isBarrierClosed(trx, around.taskId))
  const isWhole = around === undefined || spansInstances || (around.isBarrier && !isHeldUp)
  return { execution, tasks: await loadTasks(trx, executionId, isWhole ? undefined : around.taskId), isWhole, isHeldUp }
}

/** All tasks of an execution, or those of one task's instance. */
async function loadTasks(trx: Transaction<Database>, executionId: string, ofInstanceOf?: string): Promise<BoardTask[]> {
  const which = ofInstanceOf === undefined ? sql`true` : sql`instance = (select instance from tasks where id = ${ofInstanceOf})`
  const { rows } = await sql<TaskRow>`select id, idx, type, rule, depends_on, is_barrier, state, instance, queue, endpoints, attempt
    from tasks where execution_id = ${executionId} and ${which} order by idx for no key update`.execute(trx)
  return rows.map(({ depends_on: dependsOn, is_barrier: isBarrier, ...task }) => ({ ...task, dependsOn, isBarrier }))
}

/** Whether another task has not come yet to the barrier at which this one stands. Who opens it does so with the execution locked. */
async function isBarrierClosed(trx: Transaction<Database>, taskId: string): Promise<boolean> {
  const { rows } = await sql<{ is_closed: boolean }>`select exists (select 1 from tasks
    where is_barrier and state in ('dormant', 'waiting', 'pending', 'running') and id <> ${taskId}
      and (execution_id, type) = (select execution_id, type from tasks where id = ${taskId})) as is_closed`.execute(trx)
  return rows[0]!.is_closed
}
