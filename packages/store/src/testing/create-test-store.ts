import { createHash, randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { InstarError, type Log } from '@instar/contract'
import { startServer, type EmbeddedServer } from '../embedded/server.ts'
import { loadMigrations } from '../migrate/migrations.ts'
import { connectStore, createDatabase, runOnServer, urlOfDatabase, type Store } from '../open-store.ts'
import { createVault } from '../vault/vault.ts'

export interface TestStoreOptions {
  /** What to add once to the template after the migrations; its name tells templates apart. */
  readonly prepare?: { readonly name: string; readonly run: (store: Store) => Promise<void> }
  readonly log?: Log
}

const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
/** How many test processes of one user can run at once; each has a server of its own. */
const MAX_SERVERS = 32
/** Nothing here outlives a power cut, so nothing waits for the disk. */
const SETTINGS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', log_min_messages: 'fatal' }
const openTestVault = async () => createVault([Buffer.alloc(32, 7)])

let shared: Promise<EmbeddedServer> | undefined
const templates = new Map<string, Promise<string>>()

/**
 * A store on a new, migrated database of its own, which disposing drops. All stores of a test process share one server, which ends with the process;
 * its files stay in the temporary folder for the next one, so that only the very first test on a machine waits for initdb.
 */
export async function createTestStore(options: TestStoreOptions = {}): Promise<Store> {
  const log = options.log ?? silent
  const server = await (shared ??= startTestServer())
  const template = await makeTemplate(server, options)
  const name = `t_${randomBytes(6).toString('hex')}`
  await createDatabase(server.url, name, template)
  const url = urlOfDatabase(server.url, name)
  const store = await connectStore({ url, openVault: openTestVault, connections: 12, log }, new AbortController().signal)
  return {
    ...store,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]()
      await runOnServer(url, async client => void (await client.query(`drop database if exists "${name}" with (force)`)))
    },
  }
}

/**
 * How many deadlocks PostgreSQL has broken in the store's database. Ends all connections to it, as each tells its share only now and then, and at its
 * end.
 */
export async function countDeadlocks({ db, url }: Store): Promise<number> {
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(db)
  const database = rows[0]?.name
  let count = NaN
  await runOnServer(url, async client => {
    await client.query('select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = $1', [database])
    const counted = await client.query<{ n: string }>('select deadlocks as n from pg_stat_database where datname = $1', [database])
    count = Number(counted.rows[0]?.n)
  })
  return count
}

async function startTestServer(): Promise<EmbeddedServer> {
  const user = process.getuid?.() ?? 0
  const signal = new AbortController().signal
  for (let number = 0; number < MAX_SERVERS; number += 1) {
    const dataDir = join(tmpdir(), `instar-test-postgres-${user}`, String(number))
    await mkdir(dataDir, { recursive: true, mode: 0o755 })
    try {
      const server = await startServer({ dataDir, settings: SETTINGS, lockWaitMs: 0 }, silent, signal)
      server.unref()
      await dropLeftovers(server)
      return server
    } catch (error) {
      if (!(error instanceof InstarError && error.code === 'store.in-use')) throw error
    }
  }
  throw new Error(`all ${MAX_SERVERS} test servers are in use`)
}

/** Databases of test processes that were killed. */
async function dropLeftovers(server: EmbeddedServer): Promise<void> {
  await runOnServer(server.url, async client => {
    const { rows } = await client.query<{ datname: string }>(`select datname from pg_database where datname ~ '^t_'`)
    for (const { datname } of rows) await client.query(`drop database if exists "${datname}" with (force)`)
  })
}

async function makeTemplate(server: EmbeddedServer, { prepare }: TestStoreOptions): Promise<string> {
  const migrations = await loadMigrations()
  const hash = createHash('sha256').update([...migrations.map(({ sha256 }) => sha256), prepare?.name].join())
  const name = `template_${hash.digest('hex').slice(0, 16)}`
  const made = templates.get(name) ?? buildTemplate(server, name, prepare)
  templates.set(name, made)
  return made
}

/** Renamed when it is whole: what a killed process left half done is made anew. */
async function buildTemplate(server: EmbeddedServer, name: string, prepare: TestStoreOptions['prepare']): Promise<string> {
  let isThere = false
  await runOnServer(server.url, async client => {
    isThere = (await client.query('select 1 from pg_database where datname = $1', [name])).rowCount === 1
  })
  if (isThere) return name
  const draft = `t_${name}`
  await createDatabase(server.url, draft)
  const options = { url: urlOfDatabase(server.url, draft), openVault: openTestVault, connections: 2, log: silent }
  const store = await connectStore(options, new AbortController().signal)
  try {
    await prepare?.run(store)
  } finally {
    await store[Symbol.asyncDispose]()
  }
  await runOnServer(server.url, async client => void (await client.query(`alter database "${draft}" rename to "${name}"`)))
  return name
}
