import type { Pool } from 'pg'
import { InstarError, type Log } from '@instar/contract'
import type { Migration } from './migrations.ts'

/** Any number that nothing else in the database locks. */
const LOCK_KEY = 4_711_010_501

/**
 * Brings the schema up to date, all of it or nothing: one transaction under a lock, so that of two servers that start at once one migrates and
 * the other waits and finds it done. Throws `store.newer-schema` when the database knows a migration that we do not, or another text of one.
 */
export async function migrate(pool: Pool, migrations: readonly Migration[], log: Log): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query('select pg_advisory_xact_lock($1)', [LOCK_KEY])
    await client.query('set local client_min_messages = warning')
    await client.query(
      'create table if not exists migrations (name text primary key, sha256 text not null, applied_at timestamptz not null default now())',
    )
    const { rows } = await client.query<{ name: string; sha256: string }>('select name, sha256 from migrations order by name')
    requireKnown(rows, migrations)
    const applied = new Set(rows.map(row => row.name))
    for (const { name, sql, sha256 } of migrations.filter(({ name }) => !applied.has(name))) {
      await client.query(sql)
      await client.query('insert into migrations (name, sha256) values ($1, $2)', [name, sha256])
      log.info({ migration: name }, 'migration applied')
    }
    await client.query('commit')
  } catch (error) {
    await client.query('rollback').catch(() => undefined)
    throw error
  } finally {
    client.release()
  }
}

function requireKnown(applied: readonly { name: string; sha256: string }[], migrations: readonly Migration[]): void {
  const ours = new Map(migrations.map(({ name, sha256 }) => [name, sha256]))
  const [unknown] = applied.filter(({ name, sha256 }) => ours.get(name) !== sha256)
  if (unknown === undefined) return
  const what = ours.has(unknown.name)
    ? `has another text of the migration ${unknown.name}`
    : `has the migration ${unknown.name}, which is not ours`
  throw new InstarError('store.newer-schema', `the database ${what}`)
}
