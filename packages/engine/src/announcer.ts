import { sql } from 'kysely'
import type { Log } from '@instar/contract'
import { jsonText, type Store } from '@instar/store'

/**
 * Notifies of what has been committed. PostgreSQL lets one transaction after the other commit that notifies, disk write and all; a statement that does
 * nothing else takes no time there. Lost with the process at worst: who listens also looks by himself.
 */
export class Announcer {
  readonly #store: Store
  readonly #log: Log
  #waiting = new Map<string, { channel: string; payload: string }>()
  #sending: Promise<void> | undefined

  constructor(store: Store, log: Log) {
    this.#store = store
    this.#log = log
  }

  announce(channel: string, payload: string): void {
    this.#waiting.set(`${channel} ${payload}`, { channel, payload })
    this.#sending ??= this.#send().finally(() => (this.#sending = undefined))
  }

  /** Resolves when nothing waits to be told. */
  async idle(): Promise<void> {
    await this.#sending
  }

  /** What comes while one statement is under way goes with the next one. */
  async #send(): Promise<void> {
    while (this.#waiting.size > 0) {
      const all = [...this.#waiting.values()]
      this.#waiting = new Map()
      const pairs = jsonText(all)
      await sql`select pg_notify(channel, payload) from jsonb_to_recordset(${pairs}::jsonb) as n (channel text, payload text)`
        .execute(this.#store.db)
        .catch((error: unknown) => this.#log.debug({ error }, 'nobody could be notified'))
    }
  }
}
