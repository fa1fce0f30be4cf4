import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { startServer } from './server.ts'

// In /var/tmp and passable for others, as PostgreSQL does not run as root.
const folder = mkdtempSync('/var/tmp/instar-server-')
chmodSync(folder, 0o755)
after(() => rmSync(folder, { recursive: true, force: true }))

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const start = () => startServer({ dataDir: folder }, silent, AbortSignal.timeout(90_000))
const isAlive = (pid: number) => !['', 'Z'].includes(stateOf(pid))

function stateOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '')[0] ?? ''
  } catch {
    return ''
  }
}

async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = Date.now() + 60_000
  while (!(await isSo())) {
    assert.ok(Date.now() < deadline, `waited too long: ${what}`)
    await sleep(20)
  }
}

async function ask(url: string, text: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url.replace('/instar?', '/postgres?') })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query({ text, rowMode: 'array' })).rows.flat()
  } finally {
    await client.end()
  }
}

test('starts on an empty folder, keeps what was written, and is gone after its disposal', async () => {
  let pid = 0
  {
    await using server = await start()
    pid = server.pid()!
    await ask(server.url, 'create table kept as select 42 as n')
    assert.deepEqual(await ask(server.url, 'show data_checksums'), ['on'])
    assert.deepEqual(await ask(server.url, 'show fsync'), ['on'])
    assert.deepEqual(await ask(server.url, 'show listen_addresses'), [''])
    if (process.getuid?.() === 0) assert.notEqual(statSync(`/proc/${pid}`).uid, 0)
  }
  assert.ok(!isAlive(pid))

  await using again = await start()

  assert.deepEqual(await ask(again.url, 'select n from kept'), [42])
})

test('a second process on the same folder is refused', async () => {
  await using _server = await start()

  await assert.rejects(start(), (error: { code?: string }) => error.code === 'store.in-use')
})

test('a folder that the system user cannot reach is refused with its name', { skip: process.getuid?.() !== 0 }, async () => {
  const closed = mkdtempSync('/var/tmp/instar-closed-')
  try {
    await assert.rejects(startServer({ dataDir: join(closed, 'data') }, silent, AbortSignal.timeout(9_000)), {
      code: 'store.unreachable-folder',
      message: new RegExp(closed),
    })
  } finally {
    rmSync(closed, { recursive: true })
  }
})

test('a user that does not exist is refused', { skip: process.getuid?.() !== 0 }, async () => {
  const options = { dataDir: folder, user: 'nobody-of-that-name' }
  await assert.rejects(startServer(options, silent, AbortSignal.timeout(9_000)), { code: 'store.bad-user' })
  await assert.rejects(startServer({ ...options, user: 'root' }, silent, AbortSignal.timeout(9_000)), { code: 'store.bad-user' })
})

test('is started again when it is killed, and no acknowledged row is lost', async () => {
  await using server = await start()
  await ask(server.url, 'create table if not exists rows (n int)')
  let acknowledged = 0
  for (let round = 0; round < 3; round += 1) {
    for (let row = 0; row < 20; row += 1) {
      acknowledged += 1
      await ask(server.url, `insert into rows values (${acknowledged})`)
    }
    const killed = server.pid()!
    process.kill(killed, 'SIGKILL')

    await until(
      () =>
        server.pid() !== killed &&
        ask(server.url, 'select 1').then(
          () => true,
          () => false,
        ),
      'the new server',
    )
    assert.deepEqual(await ask(server.url, 'select count(*)::int, count(distinct n)::int from rows'), [acknowledged, acknowledged])
  }
})

test('dies with its parent, and the next process starts at once on the same folder', async () => {
  for (let round = 0; round < 2; round += 1) {
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'server-child.fixture.ts'), folder],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const pid = Number(String(line))
    assert.ok(isAlive(pid))
    child.kill('SIGKILL')

    await using server = await start()

    assert.ok(!isAlive(pid))
    assert.deepEqual(await ask(server.url, 'select 1'), [1])
  }
})
