import { setTimeout as sleep } from 'node:timers/promises'
import type { Kysely, Transaction } from 'kysely'
import type { Log } from '@instar/contract'
import type { Database, Store } from '@instar/store'
import { matches, type TimetableFields } from './matches.ts'

export interface TimetableEntry {
  readonly id: string
  readonly fields: TimetableFields
  /** Since when it stands as it does: it fires first in a minute that begins later. */
  readonly since: Date
}

export interface TimetableOptions {
  readonly store: Store
  readonly log: Log
  /** Milliseconds since 1970. */
  readonly clock: () => number
  /** The entries that may fire now: enabled and not expired. */
  readonly list: (db: Kysely<Database>, now: Date) => Promise<readonly TimetableEntry[]>
  /** What an entry is for; its work belongs to the transaction. What it throws is logged, and the entry has had its turn. */
  readonly fire: (trx: Transaction<Database>, id: string, minute: Date) => Promise<void>
}

const MINUTE_MS = 60_000
/** The clock may be set: no sleep relies on it for longer. */
const MAX_SLEEP_MS = 5_000

/** Fires what is due in each minute, once among all servers. A minute that no server saw is not made up for. */
export function startTimetable(options: TimetableOptions): AsyncDisposable {
  const stopping = new AbortController()
  const running = run(options, stopping.signal)
  return {
    [Symbol.asyncDispose]: async () => {
      stopping.abort()
      await running
    },
  }
}

async function run(options: TimetableOptions, signal: AbortSignal): Promise<void> {
  let last = 0
  while (!signal.aborted) {
    const now = options.clock()
    const minute = now - (now % MINUTE_MS)
    if (minute !== last) {
      const seen = await fireDue(options, new Date(minute)).catch((error: unknown) => {
        options.log.warn({ error }, 'the timetable could not be read; it is again in a moment')
        return false
      })
      if (seen) last = minute
    }
    const wait = last === minute ? MINUTE_MS - (options.clock() % MINUTE_MS) : 1_000
    await sleep(Math.min(wait, MAX_SLEEP_MS), undefined, { signal }).catch(() => undefined)
  }
}

/** Fires all entries that are due in the minute and that no server has fired. Answers true: the minute is done. */
export async function fireDue(options: TimetableOptions, minute: Date): Promise<true> {
  const entries = await options.list(options.store.db, minute)
  for (const { id } of entries.filter(({ fields, since }) => since < minute && matches(fields, minute))) await fireOne(options, id, minute)
  return true
}

async function fireOne({ store, log, fire }: TimetableOptions, id: string, minute: Date): Promise<void> {
  const take = (db: Kysely<Database>) =>
    db
      .insertInto('firings')
      .values({ timetable_id: id, minute })
      .onConflict(conflict => conflict.doNothing())
      .executeTakeFirst()
  try {
    await store.db.transaction().execute(async trx => {
      // A second server waits here for the first one's transaction, and then finds the row.
      const { numInsertedOrUpdatedRows } = await take(trx)
      if (numInsertedOrUpdatedRows === 1n) await fire(trx, id, minute)
    })
  } catch (error) {
    log.info({ error, timetable: id, minute }, 'a schedule was due and did nothing')
    await take(store.db)
  }
}
