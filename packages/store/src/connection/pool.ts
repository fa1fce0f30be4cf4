import { Pool, types, type PoolConfig } from 'pg'
import type { Log } from '@instar/contract'

const INT8 = 20
const CONNECT_TIMEOUT_MS = 10_000

/** bigint columns are counts and byte positions here, all below 2^53, so they arrive as numbers and not as text. */
const typesWithNumbers: PoolConfig['types'] = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8 && format !== 'binary' ? Number : types.getTypeParser(oid, format)) as typeof types.getTypeParser,
}

/** `max`: connections at once. A connection that dies while it is idle is dropped from the pool, and a new one made at need. */
export function createPool(url: string, max: number, log: Log): Pool {
  const pool = new Pool({ ...clientConfig(url), max, types: typesWithNumbers })
  pool.on('error', error => log.warn({ error }, 'an idle database connection was lost'))
  // A connection in use has no handler of the pool's: lost between two statements it would end the process. The next statement tells anyway.
  pool.on('connect', client => client.on('error', () => undefined))
  return pool
}

export function clientConfig(url: string): PoolConfig {
  return { connectionString: url, application_name: 'instar', keepAlive: true, connectionTimeoutMillis: CONNECT_TIMEOUT_MS }
}
