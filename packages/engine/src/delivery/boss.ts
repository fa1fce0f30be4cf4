import { PgBoss } from 'pg-boss'
import type { Log } from '@instar/contract'

/** The schema of pg-boss's own tables. */
const SCHEMA = 'pgboss'

/** A job whose worker gave no sign of life for so long is delivered again; pg-boss's smallest. Workers stop by themselves before (LEASE_MS). */
export const HEARTBEAT_SECONDS = 10

/**
 * Opens pg-boss, which makes or updates its tables on the way, and looks every second for jobs whose worker died. It has connections of its own:
 * what it does beside our transactions must not wait for a connection that those hold.
 */
export async function openBoss(url: string, log: Log): Promise<PgBoss> {
  const boss = new PgBoss({
    connectionString: url,
    application_name: 'instar-queue',
    schema: SCHEMA,
    max: 2,
    schedule: false,
    superviseIntervalSeconds: 1,
    monitorIntervalSeconds: 1,
    // Ours are the waiting tasks, and they may be many.
    warningQueueSize: 1_000_000,
    persistWarnings: false,
    reindex: true,
  })
  boss.on('error', error => log.warn({ error }, 'the queue met an error; it goes on'))
  boss.on('warning', warning => log.debug({ warning }, 'the queue warns'))
  await boss.start()
  return boss
}
