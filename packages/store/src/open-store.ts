import { join } from 'node:path'
import { Kysely, PostgresDialect, sql, type Transaction } from 'kysely'
import { Client, type Pool } from 'pg'
import { InstarError, type Log } from '@instar/contract'
import { Listener, type OnNotification } from './connection/listener.ts'
import { createPool } from './connection/pool.ts'
import { preparedPool } from './connection/prepared.ts'
import { retryWhileAway, transactUntilDone } from './connection/transact.ts'
import { whyRefused } from './connection/refused.ts'
import { isTransientDatabaseError } from './connection/transient.ts'
import type { Database } from './database.ts'
import { ROLE } from './embedded/data-folder.ts'
import { startServer, type EmbeddedServer } from './embedded/server.ts'
import { migrate } from './migrate/migrate.ts'
import { loadMigrations } from './migrate/migrations.ts'
import { openVault, readKeys } from './vault/open-vault.ts'
import type { Vault } from './vault/vault.ts'

export interface StoreOptions {
  /** A PostgreSQL (15 or later) of the user's (`DATABASE_URL`); absent: our own below `dataDir`. */
  readonly url?: string | undefined
  /** Instar's data folder: for the embedded server and for the key file `secret.key`. */
  readonly dataDir: string
  /** Whom the embedded server runs as when we are root (`--pg-user`). */
  readonly pgUser?: string | undefined
  /** Keys as text (base64 or hex, the current one first); absent: the key file, made at the first start. */
  readonly secretKey?: string | undefined
  /** Connections at once, beside the one that listens. */
  readonly connections?: number
  readonly log: Log
  readonly signal: AbortSignal
}

export interface Store extends AsyncDisposable {
  readonly db: Kysely<Database>
  readonly vault: Vault
  /** Where other processes of this machine reach the same database. Holds a password where the user's URL does: never log it. */
  readonly url: string
  /**
   * Runs `work` in one transaction; repeats it while the database is away and when it lost a race (deadlock), until `signal` aborts. When the
   * connection is lost during the commit, the work may have been saved: it must find out by itself when it is called again.
   */
  transact<T>(work: (trx: Transaction<Database>) => Promise<T>, signal: AbortSignal): Promise<T>
  /** Repeats a statement that may be run twice, as `transact` does. */
  retry<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>
  /** Calls `on` for each notification on the channel, and with `undefined` when some may have been missed. */
  listen(channel: string, on: OnNotification): Promise<Disposable>
  /** Sends a notification (at most 7999 bytes) when the transaction commits; of equal ones in a transaction one arrives. */
  notify(trx: Kysely<Database>, channel: string, payload: string): Promise<void>
}

const CONNECTIONS = 16
const CONNECT_TIMEOUT_MS = 30_000

/**
 * Opens the database: starts our own PostgreSQL where no URL is given, migrates, reads the keys. Disposing ends the connections and that server.
 * Throws `store.unavailable` when a named server does not answer for 30 s, `store.refused` when it does not let us in, and whatever `startServer`,
 * `migrate` and the keys throw.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  await using stack = new AsyncDisposableStack()
  const keys = await readKeys(options.secretKey, join(options.dataDir, 'secret.key'))
  const server = options.url === undefined ? stack.use(await startEmbedded(options)) : undefined
  const url = options.url ?? server?.url ?? ''
  const { log, connections = CONNECTIONS, signal } = options
  const store = await connectStore({ url, openVault: pool => openVault(pool, keys), log, connections }, signal).catch((error: unknown) =>
    Promise.reject(options.url === undefined ? error : whyRefused(error)),
  )
  stack.use(store)
  const owned = stack.move()
  return { ...store, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function startEmbedded({ dataDir, pgUser, log, signal }: StoreOptions): Promise<EmbeddedServer> {
  const server = await startServer({ dataDir, user: pgUser }, log, signal)
  try {
    await createDatabase(server.url, ROLE)
    return server
  } catch (error) {
    await server[Symbol.asyncDispose]()
    throw error
  }
}

/** Makes a database on the server of `url` unless it is there. */
export async function createDatabase(url: string, name: string, template = 'template1'): Promise<void> {
  await runOnServer(url, async client => {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name])
    if (rowCount === 0) await client.query(`create database "${name}" template "${template}"`)
  })
}

/** Runs statements that belong to the server and not to one database. */
export async function runOnServer(url: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: urlOfDatabase(url, 'postgres') })
  // A lost connection shows in the statement that needs it.
  client.on('error', () => undefined)
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

export function urlOfDatabase(url: string, name: string): string {
  return url.replace(/^(\w+:\/\/[^/]*\/)[^?]*/, `$1${name}`)
}

interface ConnectOptions {
  readonly url: string
  /** Once the schema is up to date. */
  readonly openVault: (pool: Pool) => Promise<Vault>
  readonly connections: number
  readonly log: Log
}

/** Connects to a database that is there, and migrates it. */
export async function connectStore({ url, openVault, connections, log }: ConnectOptions, signal: AbortSignal): Promise<Store> {
  await using stack = new AsyncDisposableStack()
  const pool = stack.adopt(createPool(url, connections, log), pool => pool.end())
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: preparedPool(pool) }) })
  await migrateWhenThere(pool, log, signal)
  const vault = await retryWhileAway(() => openVault(pool), signal)
  const listener = stack.use(new Listener(url, log))
  const owned = stack.move()
  return {
    db,
    vault,
    url,
    transact: (work, signal) => transactUntilDone(db, work, signal),
    retry: retryWhileAway,
    listen: (channel, on) => listener.listen(channel, on),
    notify: async (trx, channel, payload) => {
      await sql`select pg_notify(${channel}, ${payload})`.execute(trx)
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function migrateWhenThere(pool: Pool, log: Log, signal: AbortSignal): Promise<void> {
  const migrations = await loadMigrations()
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_TIMEOUT_MS)])
  let last: unknown
  try {
    await retryWhileAway(() => migrate(pool, migrations, log).catch((error: unknown) => Promise.reject((last = error))), deadline)
  } catch (error) {
    signal.throwIfAborted()
    if (!isTransientDatabaseError(last)) throw error
    throw new InstarError('store.unavailable', `PostgreSQL did not answer within ${CONNECT_TIMEOUT_MS / 1000} s`, {
      cause: last,
      hint: 'See that PostgreSQL runs and that DATABASE_URL (database.url) leads to it; then start again.',
    })
  }
}
