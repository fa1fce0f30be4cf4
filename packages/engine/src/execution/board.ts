import { sql, type RawBuilder, type Transaction } from 'kysely'
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

/** An execution with tasks of it, all locked until the transaction ends. */
export interface Board {
  readonly execution: BoardExecution
  /** In the order of the plan. */
  readonly tasks: readonly BoardTask[]
  /** Whether these are all its tasks. */
  readonly isWhole: boolean
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
 */
export async function loadBoard(trx: Transaction<Database>, executionId: string, around?: AroundTask): Promise<Board | undefined> {
  const row = await trx
    .selectFrom('executions')
    .select(['id', 'action_id', 'project_id', 'user_id', 'kind', 'number', 'state', 'options', 'spans_instances'])
    .where('id', '=', executionId)
    .where('deleted_at', 'is', null)
    .forUpdate()
    .executeTakeFirst()
  if (row === undefined) return undefined
  const { action_id: actionId, project_id: projectId, user_id: userId, spans_instances: spansInstances, ...rest } = row
  const isWhole = around === undefined || spansInstances || (around.isBarrier && (await isLastAtBarrier(trx, around.taskId)))
  const tasks = await loadTasks(trx, executionId, isWhole ? sql`true` : concernedBy(around))
  return { execution: { ...rest, actionId, projectId, userId }, tasks, isWhole }
}

async function loadTasks(trx: Transaction<Database>, executionId: string, which: RawBuilder<unknown>): Promise<BoardTask[]> {
  const { rows } = await sql<TaskRow>`
    select id, idx, type, rule, depends_on, is_barrier, state, instance, queue, endpoints, attempt
    from tasks t where execution_id = ${executionId} and ${which} order by idx for update`.execute(trx)
  return rows.map(({ depends_on: dependsOn, is_barrier: isBarrier, ...task }) => ({ ...task, dependsOn, isBarrier }))
}

/** Of a barrier that stays closed one task that keeps it closed says all. */
function concernedBy({ taskId, isBarrier }: AroundTask): RawBuilder<unknown> {
  const ofInstance = sql`t.instance = (select instance from tasks where id = ${taskId})`
  return isBarrier ? sql`(${ofInstance} or t.id = (select p.id ${openPeersOf(taskId)} limit 1))` : ofInstance
}

/** The other tasks at the barrier of a task that have not come to it yet. */
function openPeersOf(taskId: string): RawBuilder<unknown> {
  return sql`from tasks p join tasks own on own.id = ${taskId} and p.execution_id = own.execution_id and p.type = own.type and p.id <> own.id
    where p.is_barrier and p.state in ('dormant', 'waiting', 'pending', 'running')`
}

/** Then the barrier opens, which concerns the tasks behind it in all instances. */
async function isLastAtBarrier(trx: Transaction<Database>, taskId: string): Promise<boolean> {
  const { rows } = await sql<{ is_last: boolean }>`select not exists (select 1 ${openPeersOf(taskId)}) as is_last`.execute(trx)
  return rows[0]!.is_last
}
