import { sql, type Transaction } from 'kysely'
import { jsonText, type Database, type Requirement } from '@instar/store'
import { dropJob, sendJobs, WORK_CHANNEL, type Delivery } from '../delivery/jobs.ts'
import type { Assignment } from '../engine.ts'
import type { EngineParts } from '../parts.ts'
import { PRESENCE_MS } from '../worker/registration.ts'
import { loadBoard } from './board.ts'

/** See `Engine.assign`. */
export async function assignTasks(parts: EngineParts, trx: Transaction<Database>, assignment: Assignment): Promise<void> {
  const { executionId, instance, types, worker } = assignment
  // As everywhere, the execution is locked before its tasks.
  await trx.selectFrom('executions').select('id').where('id', '=', executionId).forNoKeyUpdate().execute()
  const tasks = await trx
    .selectFrom('tasks')
    .select(['id', 'requires'])
    .where('execution_id', '=', executionId)
    .where('instance', '=', instance)
    .where('state', 'in', ['waiting', 'dormant'])
    .$if(types !== undefined, query => query.where('type', 'in', [...types!]))
    .execute()
  for (const { id, requires } of tasks) {
    const ofWorker = requires.map(({ platform, capability, regions }) => ({ platform, capability, regions, worker }))
    if (requires.length > 0) await setRequires(parts, trx, id, ofWorker)
  }
}

/**
 * What one worker alone should do goes to any that fits once that worker is gone for longer than a restart takes, or is switched off: it finds
 * out by itself that the machine is not there. What a worker that is switched off has begun it may end.
 */
export async function freeAssigned(parts: EngineParts): Promise<void> {
  const { rows } = await sql<{ execution_id: string; worker: string; is_alive: boolean }>`
    with assigned as (select distinct t.execution_id, r->>'worker' as worker from tasks t, jsonb_array_elements(t.requires) r
      where t.state in ('pending', 'running', 'cancelling') and r ? 'worker')
    select a.*, w.host is not null as is_alive from assigned a left join workers w on w.host = a.worker and w.deleted_at is null
      and w.beat_at > now() - ${PRESENCE_MS} * interval '1 millisecond'
    where w.host is null or not w.enabled`.execute(parts.store.db)
  for (const { execution_id: executionId, worker, is_alive: isAlive } of rows) {
    await parts.store.db.transaction().execute(trx => freeTasks(parts, trx, { executionId, worker, mayRun: isAlive }))
  }
}

async function freeTasks(
  parts: EngineParts,
  trx: Transaction<Database>,
  of: { readonly executionId: string; readonly worker: string; readonly mayRun: boolean },
): Promise<void> {
  if ((await loadBoard(trx, of.executionId)) === undefined) return
  const tasks = await trx
    .selectFrom('tasks')
    .select(['id', 'requires', 'queue', 'job_id'])
    .where('execution_id', '=', of.executionId)
    .where('state', 'in', ['dormant', 'waiting', 'pending', ...(of.mayRun ? [] : (['running', 'cancelling'] as const))])
    .where(sql<boolean>`requires @> ${jsonText([{ worker: of.worker }])}::jsonb`)
    .execute()
  const deliveries: Delivery[] = []
  for (const { id, requires, queue, job_id: oldJob } of tasks) {
    const ofAny = requires.map(({ platform, capability, regions }) => ({ platform, capability, regions }))
    const freed = await setRequires(parts, trx, id, ofAny)
    if (oldJob === null) continue
    const jobId = parts.newId()
    await dropJob(parts.boss, trx, queue, oldJob)
    await trx.updateTable('tasks').set({ job_id: jobId }).where('id', '=', id).execute()
    deliveries.push({ taskId: id, queue: freed, jobId })
  }
  await sendJobs(parts.boss, trx, deliveries)
  for (const queue of new Set(deliveries.map(delivery => delivery.queue))) await parts.store.notify(trx, WORK_CHANNEL, queue)
}

/** Answers the queue that the task is now for. */
async function setRequires(
  parts: EngineParts,
  trx: Transaction<Database>,
  taskId: string,
  requires: readonly Requirement[],
): Promise<string> {
  const queue = await parts.queues.ensure(requires)
  await sql`update tasks set requires = ${jsonText(requires)}::jsonb, queue = ${queue} where id = ${taskId}`.execute(trx)
  return queue
}
