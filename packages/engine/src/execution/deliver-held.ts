import type { Transaction } from 'kysely'
import { sendJobs, WORK_CHANNEL } from '../delivery/jobs.ts'
import type { EngineParts } from '../parts.ts'
import type { Database } from '@instar/store'
import { admit, assignJobs } from './admit.ts'

/** Held tasks that one sweep looks at. */
const LOOK_AHEAD = 500

/**
 * Delivers tasks that a limit held back and that nobody's end has released: because the limit was changed, or because the last task before them ended
 * in the same moment in which they were held.
 */
export async function deliverHeld({ boss, limits, newId, store }: EngineParts, trx: Transaction<Database>): Promise<void> {
  const rows = await trx
    .selectFrom('tasks')
    .select(['id', 'project_id', 'endpoints', 'queue'])
    .where('state', '=', 'pending')
    .where('job_id', 'is', null)
    .orderBy('pending_at')
    .limit(LOOK_AHEAD)
    .forNoKeyUpdate()
    .skipLocked()
    .execute()
  const held = rows.map(({ id, project_id: projectId, endpoints, queue }) => ({ id, projectId, endpoints, queue }))
  const deliveries = await assignJobs(trx, await admit(trx, limits, held), newId)
  await sendJobs(boss, trx, deliveries)
  for (const queue of new Set(deliveries.map(delivery => delivery.queue))) await store.notify(trx, WORK_CHANNEL, queue)
}
