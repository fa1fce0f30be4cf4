import { setTimeout as sleep } from 'node:timers/promises'
import type { Kysely, Transaction } from 'kysely'
import { isTransientDatabaseError } from './transient.ts'

const FIRST_PAUSE_MS = 20
const MAX_PAUSE_MS = 1_000

/**
 * Runs `work` in one transaction, again and again while the database is away or the transaction lost a race, until `signal` aborts. A connection
 * that is lost during the commit leaves open whether the work was saved, so `work` must find out by itself when it is called again.
 */
export async function transactUntilDone<DB, T>(
  db: Kysely<DB>,
  work: (trx: Transaction<DB>) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return retryWhileAway(() => db.transaction().execute(work), signal)
}

/** As `transactUntilDone`, for a single statement that may be run twice. */
export async function retryWhileAway<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
    signal.throwIfAborted()
    try {
      return await work()
    } catch (error) {
      if (!isTransientDatabaseError(error)) throw error
      // Jittered: all processes lost the same server in the same moment.
      await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal })
    }
  }
}
