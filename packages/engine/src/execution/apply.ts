import { sql, type Transaction } from 'kysely'
import { jsonText, type Database, type ExecutionState, type TaskState } from '@instar/store'
import { sendJobs, WORK_CHANNEL, type Delivery } from '../delivery/jobs.ts'
import { taskEvent } from '../events/task-event.ts'
import { EVENTS_CHANNEL, writeEvents } from '../events/write-events.ts'
import type { EngineParts } from '../parts.ts'
import { decide, type RuleEvent, type TaskChange } from '../rules/decide.ts'
import { executionStateOf } from '../rules/execution-state.ts'
import { isActiveExecution, isFinal } from '../rules/task-classes.ts'
import { executionStatus } from '../wire.ts'
import { isLimited, PLACES_CHANNEL } from './admission.ts'
import type { Board, BoardExecution, BoardTask } from './board.ts'
import { logFailure } from './log-failure.ts'

/** Tells workers to look at what they do for this execution. */
export const CANCEL_CHANNEL = 'instar_cancel'

/**
 * Lets the rules judge an event and saves what follows, with the new jobs, in the transaction that holds the board. Answers whom to tell.
 */
export async function applyEvent(parts: EngineParts, trx: Transaction<Database>, board: Board, event: RuleEvent): Promise<News> {
  const changes = decide(board.tasks, event)
  const byId = new Map(board.tasks.map(task => [task.id, task]))
  const changed = changes.map(change => ({ ...change, task: byId.get(change.id)! }))
  const deliveries = deliver(parts, changed)
  await saveTasks(trx, board.execution, changed, deliveries)
  await sendJobs(parts.boss, trx, deliveries)
  if (changed.some(concernsWorker)) await parts.store.notify(trx, CANCEL_CHANNEL, board.execution.id)
  await settleExecution(parts, trx, board, changes)
  return { projectId: board.execution.projectId, queues: [...new Set(deliveries.map(({ queue }) => queue))] }
}

/** Whom to tell when the transaction has committed: workers of new jobs, followers of events. */
export interface News {
  readonly projectId: string
  readonly queues: readonly string[]
}

/** Tells of news with the commit itself, where a caller commits. */
export async function notifyOf({ store, limits }: EngineParts, trx: Transaction<Database>, { projectId, queues }: News): Promise<void> {
  for (const queue of queues) await store.notify(trx, WORK_CHANNEL, queue)
  await store.notify(trx, EVENTS_CHANNEL, projectId)
  if (isLimited(limits)) await store.notify(trx, PLACES_CHANNEL, '')
}

interface Changed extends TaskChange {
  readonly task: BoardTask
}

/** The jobs of the tasks that become pending. Where there are limits those wait without one for their places. */
function deliver({ limits, newId }: EngineParts, changed: readonly Changed[]): Delivery[] {
  if (isLimited(limits)) return []
  return changed.filter(({ state }) => state === 'pending').map(({ task: { id, queue } }) => ({ taskId: id, queue, jobId: newId() }))
}

async function saveTasks(
  trx: Transaction<Database>,
  execution: BoardExecution,
  changed: readonly Changed[],
  deliveries: readonly Delivery[],
): Promise<void> {
  if (changed.length === 0) return
  const events = changed.flatMap(({ task, state, reason }) => taskEvent(task, state, reason) ?? [])
  const jobs = new Map(deliveries.map(({ taskId, jobId }) => [taskId, jobId]))
  const rows = changed.map(({ id, state, reason }) => ({
    id,
    state,
    reason,
    job_id: jobs.get(id) ?? null,
    ended: isFinal({ state }),
  }))
  // A job id goes with the state `pending`; a task that is told to stop keeps the job of its worker. The array of ids says nothing new, but PostgreSQL
  // knows nothing of what jsonb holds and would read all tasks, to look each of them up there.
  await sql`with saved as (update tasks t set state = c.state, reason = coalesce(c.reason, t.reason), updated_at = now(),
      job_id = case when c.state in ('running', 'cancelling') then t.job_id else c.job_id end,
      pending_at = case when c.state = 'pending' then now() else t.pending_at end,
      ended_at = case when c.ended then now() end
    from jsonb_to_recordset(${jsonText(rows)}::jsonb) as c (id uuid, state text, reason text, job_id uuid, ended boolean)
    where t.id = c.id and t.id = any(${rows.map(({ id }) => id)}::uuid[]))
    insert into events (project_id, execution_id, body)
      select ${execution.projectId}, ${execution.id}, body from jsonb_array_elements(${jsonText(events)}::jsonb) as body`.execute(trx)
}

/** Whether a worker may be at work on the task, and has to know. */
function concernsWorker({ state, task }: Changed): boolean {
  return (task.state === 'running' || task.state === 'cancelling') && ['cancelling', 'forced', 'kept'].includes(state)
}

async function settleExecution(
  parts: EngineParts,
  trx: Transaction<Database>,
  board: Board,
  changes: readonly TaskChange[],
): Promise<void> {
  const after = new Map<string, TaskState>(board.tasks.map(({ id, state }) => [id, state]))
  for (const { id, state } of changes) after.set(id, state)
  const states = [...after.values()]
  // One instance that goes on says nothing about the execution; one that has ended may have been the last.
  if (!board.isWhole && !states.every(state => isFinal({ state }) || state === 'dormant')) return
  if (!board.isWhole && (await isAtWork(trx, board.execution.id))) return
  const all = board.isWhole ? states : await distinctStates(trx, board.execution.id)
  await setExecutionState(parts, trx, board.execution, executionStateOf(all, board.execution.state))
}

/** Looked for from the end of the plan, where a task of the instances that go on is found at once: all of them are thousands. */
async function isAtWork(trx: Transaction<Database>, executionId: string): Promise<boolean> {
  const last = await sql`select 1 from tasks
    where execution_id = ${executionId} and state in ('pending', 'running', 'syncing', 'cancelling') order by idx desc limit 1`.execute(trx)
  return last.rows.length > 0
}

async function distinctStates(trx: Transaction<Database>, executionId: string): Promise<TaskState[]> {
  const rows = await trx.selectFrom('tasks').select('state').distinct().where('execution_id', '=', executionId).execute()
  return rows.map(({ state }) => state)
}

/** Saves a new state, tells the action's row, those who follow, and the hook. */
export async function setExecutionState(
  { hooks, log }: EngineParts,
  trx: Transaction<Database>,
  execution: BoardExecution,
  state: ExecutionState,
): Promise<void> {
  if (state === execution.state) return
  const hasEnded = !isActiveExecution(state)
  const now = sql<Date>`now()`
  await trx
    .updateTable('executions')
    .set({ state, updated_at: now, ended_at: hasEnded ? now : null })
    .where('id', '=', execution.id)
    .execute()
  await trx.updateTable('actions').set({ last_execution_state: state, updated_at: now }).where('id', '=', execution.actionId).execute()
  if (hasEnded) {
    const body = { kind: 'result', state: state === 'completed' ? 'succeeded' : 'failed', message: executionStatus(state) } as const
    await writeEvents(trx, { projectId: execution.projectId, executionId: execution.id }, [body])
  }
  if (hasEnded && state !== 'completed' && state !== 'cancelled') await logFailure(log, trx, { ...execution, state })
  await hooks.onExecutionChanged(trx, { ...execution, state, hasEnded })
}
