import { sql, type Kysely } from 'kysely'
import type { EventBody } from '@instar/contract'
import { jsonText, type Database } from '@instar/store'

/** Tells followers that there are events; the payload is the project's id. */
export const EVENTS_CHANNEL = 'instar_events'

/**
 * Adds events to an execution or to a minion pool. Telling the followers is the caller's, best after the commit: a commit that notifies waits for all
 * others that do.
 */
export async function writeEvents(
  db: Kysely<Database>,
  of: { readonly projectId: string; readonly executionId?: string; readonly poolId?: string },
  bodies: readonly EventBody[],
): Promise<void> {
  if (bodies.length === 0) return
  const { projectId, executionId = null, poolId = null } = of
  await sql`insert into events (project_id, execution_id, pool_id, body)
    select ${projectId}, ${executionId}::uuid, ${poolId}::uuid, body from jsonb_array_elements(${jsonText(bodies)}::jsonb) as body`.execute(
    db,
  )
}
