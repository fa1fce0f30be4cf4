import { sql, type Transaction } from 'kysely'
import type { Database } from '@instar/store'
import { dropJobs, sendJobs, type FetchedJob } from '../delivery/jobs.ts'
import type { Info } from '../engine.ts'
import { stepName } from '../events/task-event.ts'
import { writeEvents } from '../events/write-events.ts'
import type { EngineParts } from '../parts.ts'
import type { RuleEvent } from '../rules/decide.ts'
import { applyEvent, type News } from './apply.ts'
import { loadBoard, type Board, type BoardTask } from './board.ts'
import { createInfoStore } from './info.ts'

/** An attempt as its worker knows it. `attempt` is the fencing token: whoever claimed the task later has a higher one. */
export interface Attempt {
  readonly taskId: string
  readonly executionId: string
  readonly attempt: number
  readonly isBarrier: boolean
  readonly job: FetchedJob
}

/** How an attempt ended. */
export type Outcome =
  | { readonly kind: 'succeeded'; readonly patch: Info | undefined }
  | { readonly kind: 'failed'; readonly reason: string; readonly keep?: boolean }
  | { readonly kind: 'stopped'; readonly reason?: string }
  /** To be tried again after a pause; what it had begun is cleared away. */
  | { readonly kind: 'retry'; readonly reason: string; readonly delayMs: number }
  /** To be gone on with by another worker at once. */
  | { readonly kind: 'handed-over' }

/** `stale`: the task is not this attempt's any more, and nothing was saved. */
export type Finished = { readonly kind: 'saved'; readonly news: News } | { readonly kind: 'stale' }

/**
 * Saves how an attempt ended, and what comes next, in one transaction. May be called again when it is not known whether it was saved: then it finds
 * the task ended and answers `stale`.
 */
export async function finishAttempt(parts: EngineParts, trx: Transaction<Database>, attempt: Attempt, outcome: Outcome): Promise<Finished> {
  const concernsOne = outcome.kind === 'succeeded' || outcome.kind === 'stopped'
  const board = await loadBoard(trx, attempt.executionId, concernsOne ? attempt : undefined)
  const task = board?.tasks.find(({ id }) => id === attempt.taskId)
  if (board === undefined || task === undefined || task.attempt !== attempt.attempt || !['running', 'cancelling'].includes(task.state))
    return { kind: 'stale' }
  await dropJobs(parts.boss, trx, [attempt.job])
  if (outcome.kind === 'handed-over') return saved(await sendAgain(parts, trx, board, { task, delayMs: 0 }))
  if (outcome.kind === 'retry' && task.state === 'running') return saved(await retryLater(parts, trx, board, { task, outcome }))
  if (outcome.kind === 'succeeded' && outcome.patch !== undefined && Object.keys(outcome.patch).length > 0) {
    const { actionId } = board.execution
    await createInfoStore(parts.store.vault).patch(trx, { actionId, instance: task.instance }, outcome.patch)
  }
  return saved(await applyEvent(parts, trx, board, eventOf(board, task, outcome)))
}

const saved = (news: News): Finished => ({ kind: 'saved', news })

function eventOf({ isHeldUp }: Board, { id }: BoardTask, outcome: Exclude<Outcome, { kind: 'handed-over' }>): RuleEvent {
  switch (outcome.kind) {
    case 'succeeded':
      return { kind: 'succeeded', taskId: id, isHeldUp }
    case 'failed':
      return { kind: 'failed', taskId: id, reason: outcome.reason, keep: outcome.keep ?? false }
    case 'stopped':
      return { kind: 'stopped', taskId: id, ...(outcome.reason === undefined ? {} : { reason: outcome.reason }) }
    // The user cancelled while it was being cleared away for the next try.
    case 'retry':
      return { kind: 'failed', taskId: id, reason: outcome.reason }
  }
}

async function retryLater(
  parts: EngineParts,
  trx: Transaction<Database>,
  board: Board,
  { task, outcome }: { task: BoardTask; outcome: Extract<Outcome, { kind: 'retry' }> },
): Promise<News> {
  await trx
    .updateTable('tasks')
    .set({ state: 'pending', pending_at: sql`now()`, worker_id: null, retries: sql`retries + 1`, updated_at: sql`now()` })
    .where('id', '=', task.id)
    .execute()
  const body = { kind: 'step', instance: task.instance, step: stepName(task.type), state: 'retrying', message: outcome.reason } as const
  await writeEvents(trx, { projectId: board.execution.projectId, executionId: board.execution.id }, [body])
  return sendAgain(parts, trx, board, { task, delayMs: outcome.delayMs })
}

/** The task keeps its state, so that a cancel knows that there may be something to undo; it belongs to nobody until it is claimed. */
async function sendAgain(
  parts: EngineParts,
  trx: Transaction<Database>,
  { execution: { projectId } }: Board,
  { task, delayMs }: { task: BoardTask; delayMs: number },
): Promise<News> {
  const jobId = parts.newId()
  await trx.updateTable('tasks').set({ job_id: jobId, worker_id: null }).where('id', '=', task.id).execute()
  await sendJobs(parts.boss, trx, [{ taskId: task.id, queue: task.queue, jobId, delayMs }])
  return { projectId, queues: delayMs > 0 ? [] : [task.queue] }
}
