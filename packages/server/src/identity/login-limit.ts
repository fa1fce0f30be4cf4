import { sql } from 'kysely'
import { InstarError } from '@instar/contract'
import type { Store } from '@instar/store'

/** In this time failures are counted together. */
const WINDOW_S = 60
/** A user from one address, an address with any users, a user from any address. */
const LIMITS = { pair: 5, address: 30, user: 50 } as const

export interface Attempt {
  /** Name or id, as it was given; it need not exist. */
  readonly user: string
  readonly address: string
}

/** Counts failed log-ins in the database, so that several API processes count together. */
export function createLoginLimit(store: Store): { check(attempt: Attempt): Promise<void>; failed(attempt: Attempt): Promise<void> } {
  return {
    /** Throws `identity.rate-limited` before any password is looked at. */
    check: async attempt => {
      const keys = keysOf(attempt)
      const rows = await store.db
        .selectFrom('login_failures')
        .select([
          'key',
          'failures',
          sql<number>`ceil(extract(epoch from since + make_interval(secs => ${WINDOW_S}) - now()))::int`.as('left_s'),
        ])
        .where(
          'key',
          'in',
          keys.map(({ key }) => key),
        )
        .execute()
      const over = rows.find(row => row.left_s > 0 && row.failures >= (keys.find(({ key }) => key === row.key)?.limit ?? 0))
      if (over === undefined) return
      throw new InstarError('identity.rate-limited', `too many failed log-ins; try again in ${over.left_s} s`, {
        details: { retryAfterS: over.left_s },
      })
    },
    failed: async attempt => {
      // In the order of their keys, so that two attempts cannot wait for each other.
      for (const { key } of keysOf(attempt).sort((a, b) => (a.key < b.key ? -1 : 1))) {
        await sql`
          insert into login_failures as counted (key, failures, since) values (${key}, 1, now())
          on conflict (key) do update set
            failures = case when counted.since < now() - make_interval(secs => ${WINDOW_S}) then 1 else counted.failures + 1 end,
            since = case when counted.since < now() - make_interval(secs => ${WINDOW_S}) then now() else counted.since end
        `.execute(store.db)
      }
      await sql`delete from login_failures where since < now() - make_interval(secs => ${10 * WINDOW_S})`.execute(store.db)
    },
  }
}

function keysOf({ user, address }: Attempt): { key: string; limit: number }[] {
  const name = user.slice(0, 255)
  return [
    { key: `pair:${address}:${name}`, limit: LIMITS.pair },
    { key: `address:${address}`, limit: LIMITS.address },
    { key: `user:${name}`, limit: LIMITS.user },
  ]
}
