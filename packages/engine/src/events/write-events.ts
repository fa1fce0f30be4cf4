import { sql, type Kysely } from 'kysely'
import type { EventBody } from '@instar/contract'
import type { Database } from '@instar/store'

/** Adds events to an execution; they get their numbers, and followers hear of them, when the transaction commits. */
export async function writeEvents(
  db: Kysely<Database>,
  of: { readonly projectId: string; readonly executionId: string },
  bodies: readonly EventBody[],
): Promise<void> {
  if (bodies.length === 0) return
  await sql`insert into events (project_id, execution_id, body)
    select ${of.projectId}, ${of.executionId}, body from jsonb_array_elements(${JSON.stringify(bodies)}::jsonb) as body`.execute(db)
}
