import { sql } from 'kysely'
import type { Store } from '@instar/store'

/** Rows that one transaction numbers. */
const BATCH = 5_000

/**
 * Gives numbers to the events of a project that have none yet, under the project's lock: what becomes visible later gets a higher number. To be done
 * before events are read.
 */
export async function numberEvents(store: Store, projectId: string): Promise<void> {
  while (await hasUnnumbered(store, projectId)) {
    await store.db.transaction().execute(async trx => {
      await sql`insert into event_counters (project_id, seq) values (${projectId}, 0) on conflict do nothing`.execute(trx)
      // Its own statement, so that the next one sees what the last holder of the lock has numbered.
      await sql`select seq from event_counters where project_id = ${projectId} for update`.execute(trx)
      await sql`
        with numbered as (
          update events e set seq = c.seq + n.place
          from (select id, row_number() over (order by id) as place from
              (select id from events where project_id = ${projectId} and seq is null order by id limit ${BATCH}) as oldest) as n,
            event_counters c
          where e.id = n.id and c.project_id = ${projectId} returning e.id)
        update event_counters set seq = seq + (select count(*) from numbered) where project_id = ${projectId}`.execute(trx)
    })
  }
}

async function hasUnnumbered(store: Store, projectId: string): Promise<boolean> {
  const row = await store.db
    .selectFrom('events')
    .select('id')
    .where('project_id', '=', projectId)
    .where('seq', 'is', null)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
