import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { sql } from 'kysely'
import { errorChain, type InstarError } from '@instar/contract/errors'
import { createPool } from './connection/pool.ts'
import { migrate } from './migrate/migrate.ts'
import { loadMigrations } from './migrate/migrations.ts'
import { openStore, urlOfDatabase } from './open-store.ts'
import { createTestStore } from './testing/create-test-store.ts'

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const never = new AbortController().signal

test('opens a store on its own server, migrated, and again with the same key', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'store-'))
  chmodSync(dataDir, 0o755)
  try {
    let sealed: Buffer
    {
      await using store = await openStore({ dataDir, log: silent, signal: never })
      sealed = store.vault.seal('kept', 'p')
      const { rows } = await sql<{ name: string }>`select name from migrations order by name`.execute(store.db)
      assert.deepEqual(
        rows.map(({ name }) => name),
        (await loadMigrations()).map(({ name }) => name),
      )
    }

    await using again = await openStore({ dataDir, log: silent, signal: never })

    assert.equal(again.vault.open(sealed, 'p'), 'kept')
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})

test('other keys than those that the database was begun with are refused, and no key file is made anew', async () => {
  await using server = await createTestStore()
  const dataDir = mkdtempSync(join(tmpdir(), 'store-'))
  const file = join(dataDir, 'secret.key')
  const [first, second] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)].map(key => key.toString('hex')) as [string, string]
  const open = async (secretKey?: string) => {
    await using _store = await openStore({ url: server.url, dataDir, secretKey, log: silent, signal: never })
  }
  await sql`delete from secret_check`.execute(server.db)
  try {
    await open(first)

    await open(first)
    await assert.rejects(open(second), { code: 'store.unknown-key', exitCode: 3 })
    await assert.rejects(open(), { code: 'store.unknown-key', message: /secret\.key is not there/ })
    assert.ok(!existsSync(file))
    // Keys are changed: the new one comes first.
    await open(`${second},${first}`)
    await assert.rejects(open(first), { code: 'store.unknown-key' })
    await open(second)
  } finally {
    rmSync(dataDir, { recursive: true })
  }
})

test("what is wrong with the user's database is no bug of ours", async () => {
  await using server = await createTestStore()
  await sql`create role nobody_here login`.execute(server.db)
  const dataDir = mkdtempSync(join(tmpdir(), 'store-'))
  try {
    for (const [url, why] of [
      [urlOfDatabase(server.url, 'no_such_database'), /database "no_such_database" does not exist/],
      [server.url.replace(/\/\/[^@]*@/, '//no_such_role@'), /no_such_role/],
      [server.url.replace(/\/\/[^@]*@/, '//nobody_here@'), /permission denied/],
      ['postgres://instar@no-such-host.invalid/instar', /ENOTFOUND/],
    ] as const) {
      await assert.rejects(openStore({ url, dataDir, log: silent, signal: never }), (error: InstarError) => {
        assert.deepEqual([error.code, error.exitCode], ['store.refused', 3])
        assert.match(errorChain(error).join('; '), why)
        return true
      })
    }
  } finally {
    await sql`drop role nobody_here`.execute(server.db)
    rmSync(dataDir, { recursive: true })
  }
})

test('a server that does not answer is store.unavailable', async () => {
  const url = `postgres://instar@/instar?host=${encodeURIComponent(join(tmpdir(), 'no-such-folder'))}`
  const dataDir = mkdtempSync(join(tmpdir(), 'store-'))

  const opened = openStore({ url, dataDir, log: silent, signal: AbortSignal.timeout(200) })

  // Our own limit is 30 s; the caller's is shorter here.
  await assert.rejects(opened, { name: 'TimeoutError' })
  rmSync(dataDir, { recursive: true })
})

test('two that migrate at once apply each migration once; a changed or unknown one is refused', async () => {
  await using store = await createTestStore()
  const pool = createPool(store.url, 4, silent)
  try {
    const known = await loadMigrations()
    const extra = [...known, { name: '9999-extra', sql: 'create table extra as select 1 as n', sha256: 'x' }]

    await Promise.all([migrate(pool, extra, silent), migrate(pool, extra, silent)])

    const { rows } = await sql<{ n: number }>`select n from extra`.execute(store.db)
    assert.deepEqual(rows, [{ n: 1 }])
    await assert.rejects(migrate(pool, known, silent), { code: 'store.newer-schema', message: /9999-extra, which is not ours/ })
    const changed = extra.map(migration => (migration.name === '9999-extra' ? { ...migration, sha256: 'y' } : migration))
    await assert.rejects(migrate(pool, changed, silent), { code: 'store.newer-schema', message: /another text/ })
  } finally {
    await pool.end()
  }
})

test('a migration that fails leaves nothing behind', async () => {
  await using store = await createTestStore()
  const pool = createPool(store.url, 2, silent)
  try {
    const bad = { name: '9999-bad', sql: 'create table half (n int); select no_such_function()', sha256: 'x' }

    await assert.rejects(migrate(pool, [...(await loadMigrations()), bad], silent), /no_such_function/)

    const { rows } = await sql<{ there: boolean }>`select to_regclass('half') is not null as there`.execute(store.db)
    assert.deepEqual(rows, [{ there: false }])
  } finally {
    await pool.end()
  }
})

test('a notification arrives when its transaction commits, and not when it is rolled back', async () => {
  await using store = await createTestStore()
  const arrived = Promise.withResolvers<string | undefined>()
  using _subscription = await store.listen('things', arrived.resolve)

  await assert.rejects(
    store.transact(async trx => {
      await store.notify(trx, 'things', 'lost')
      throw new Error('no')
    }, never),
  )
  await store.transact(trx => store.notify(trx, 'things', 'kept'), never)

  assert.equal(await arrived.promise, 'kept')
})

test('after its connection was cut the listener connects again and tells that it may have missed something', async () => {
  await using store = await createTestStore()
  const seen: (string | undefined)[] = []
  let wake: () => void = () => undefined
  using _subscription = await store.listen('things', payload => {
    seen.push(payload)
    wake()
  })

  const again = new Promise<void>(resolve => (wake = resolve))
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`.execute(
    store.db,
  )
  await again
  const next = new Promise<void>(resolve => (wake = resolve))
  await store.retry(() => store.notify(store.db, 'things', 'after'), AbortSignal.timeout(20_000))
  await next

  assert.deepEqual(seen, [undefined, 'after'])
})

test('a transaction that lost its connection is run again; another error is passed on', async () => {
  await using store = await createTestStore()
  let runs = 0
  const result = await store.transact(async trx => {
    runs += 1
    if (runs === 1) await sql`select pg_terminate_backend(pg_backend_pid())`.execute(trx)
    return 'done'
  }, AbortSignal.timeout(20_000))

  assert.deepEqual([result, runs], ['done', 2])
  await assert.rejects(
    store.transact(trx => sql`select 1/0`.execute(trx), never),
    /division by zero/,
  )
})
