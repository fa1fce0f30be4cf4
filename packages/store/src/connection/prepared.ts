import { createHash } from 'node:crypto'
import type { PostgresPool, PostgresPoolClient } from 'kysely'
import type { Pool } from 'pg'
import { fromDatabase } from './away.ts'

/** Texts are prepared from their second use on, and so many at most: what is made up anew for each call would fill the server's memory. */
const MAX_STATEMENTS = 300
const MAX_SEEN = 5_000

/**
 * The pool as Kysely needs it, with statements that come again prepared on each connection: planning costs more than running for most of ours
 * (a step of the engine took 7.7 ms of PostgreSQL's time without, 4.0 with it).
 */
export function preparedPool(pool: Pool): PostgresPool {
  const seen = new Set<string>()
  const names = new Map<string, string>()
  const nameOf = (text: string): string | undefined => {
    const known = names.get(text)
    if (known !== undefined) return known
    if (!seen.has(text)) {
      if (seen.size < MAX_SEEN) seen.add(text)
      return undefined
    }
    if (names.size >= MAX_STATEMENTS) return undefined
    const name = `p_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`
    names.set(text, name)
    return name
  }
  return {
    connect: async () => {
      const client = await fromDatabase(pool.connect())
      const query = (text: string, values: readonly unknown[] = []) => {
        // What has no values is begin, commit and the like.
        const name = values.length === 0 ? undefined : nameOf(text)
        return fromDatabase(client.query(name === undefined ? { text, values: [...values] } : { name, text, values: [...values] }))
      }
      return { query, release: (destroy?: boolean) => client.release(destroy) } as unknown as PostgresPoolClient
    },
    end: () => pool.end(),
    options: pool.options,
  }
}
