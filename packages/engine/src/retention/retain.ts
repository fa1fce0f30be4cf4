import { sql, type Kysely } from 'kysely'
import type { Database, Store } from '@instar/store'

/** What is kept of the past; absent = for ever. */
export interface RetentionPolicy {
  /** So many ended executions of each action; the newest one stays always, since the numbers of new ones go on from it. */
  readonly executionsPerAction?: number
  readonly executionDays?: number
  readonly eventDays?: number
  /** Output of scripts; their records stay with the execution. */
  readonly outputDays?: number
}

/** Rows that one statement deletes, so that none holds its locks for long. */
const BATCH = 200

/** Deletes what the policy does not keep, in small pieces, until nothing is left to delete or `signal` aborts. */
export async function applyRetention(store: Store, policy: RetentionPolicy, signal: AbortSignal): Promise<void> {
  const { executionsPerAction: count, executionDays, eventDays, outputDays } = policy
  const olderThan = (column: string, days: number) => sql<boolean>`${sql.ref(column)} < now() - ${days} * interval '1 day'`
  if (count !== undefined || executionDays !== undefined) {
    const byCount = count === undefined ? sql`false` : sql`place > ${Math.max(1, count)}`
    const byAge = executionDays === undefined ? sql`false` : olderThan('ended_at', executionDays)
    const which = sql`select id from (select id, ended_at, row_number() over (partition by action_id order by number desc) as place from executions) ranked
      where place > 1 and ended_at is not null and (${byCount} or ${byAge}) limit ${BATCH}`
    await repeat(store, sql`delete from executions where id in (${which})`, signal)
  }
  if (eventDays !== undefined)
    await repeat(
      store,
      sql`delete from events where id in (select id from events where ${olderThan('at', eventDays)} limit ${BATCH})`,
      signal,
    )
  if (outputDays !== undefined) {
    const old = sql`select o.ctid from script_output o join script_runs s on s.id = o.script_run_id where ${olderThan('s.ended_at', outputDays)} limit ${BATCH}`
    await repeat(store, sql`delete from script_output where ctid in (${old})`, signal)
  }
  await purgeDeleted(store, undefined, signal)
  await repeat(store, sql`delete from firings where minute < now() - interval '1 day'`, signal)
}

async function repeat(store: Store, statement: ReturnType<typeof sql>, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    const { numAffectedRows } = await statement.execute(store.db)
    if ((numAffectedRows ?? 0n) === 0n) return
  }
}

/** What a user deletes: one execution, or all of a transfer or deployment. */
export type DeletedExecutions = { readonly executionId: string } | { readonly actionId: string }

/** Hides ended executions that a user deletes: their rows stay for their numbers. `purgeDeleted` removes what belongs to them. */
export async function hideExecutions(trx: Kysely<Database>, which: DeletedExecutions): Promise<void> {
  const [column, id] = 'actionId' in which ? (['action_id', which.actionId] as const) : (['id', which.executionId] as const)
  await trx
    .updateTable('executions')
    .set({ deleted_at: sql`now()` })
    .where(column, '=', id)
    .where('ended_at', 'is not', null)
    .where('deleted_at', 'is', null)
    .execute()
}

/**
 * Removes records and output of scripts, and events, of executions that were deleted; absent: of all. In small pieces, each whole by itself: what is
 * cut off is found again by the next call, and `applyRetention` makes one.
 */
export async function purgeDeleted(store: Store, which: DeletedExecutions | undefined, signal: AbortSignal): Promise<void> {
  const only =
    which === undefined ? sql`true` : 'actionId' in which ? sql`e.action_id = ${which.actionId}` : sql`e.id = ${which.executionId}`
  for (const table of ['script_runs', 'events']) {
    const rows = sql`select r.id from ${sql.table(table)} r join executions e on e.id = r.execution_id join actions a on a.id = e.action_id
      where (e.deleted_at is not null or a.deleted_at is not null) and ${only} limit ${BATCH}`
    await repeat(store, sql`delete from ${sql.table(table)} where id in (${rows})`, signal)
  }
}
