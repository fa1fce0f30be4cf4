import { setTimeout as sleep } from 'node:timers/promises'
import { wasDatabaseAway } from '@instar/store'

const FIRST_PAUSE_MS = 100
const MAX_PAUSE_MS = 1_000

/**
 * Runs `work` again and again while it fails only for the database, until `signal` aborts; `onAway` hears of each time. A step may be run twice
 * anyway, and a database that is started again says nothing about its work. Deliveries and retries count none of these.
 */
export async function repeatWhileAway<T>(work: () => Promise<T>, signal: AbortSignal, onAway: (error: unknown) => void): Promise<T> {
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
    try {
      return await work()
    } catch (error) {
      if (signal.aborted || !wasDatabaseAway(error)) throw error
      onAway(error)
      await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal })
    }
  }
}
