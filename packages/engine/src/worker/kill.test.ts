import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openStore, type Store } from '@instar/store'
import { createEngine } from '../create-engine.ts'
import type { Engine } from '../engine.ts'
import { createAction, silent, step, until } from '../engine.fixture.ts'
import { createEfforts, efforts, spawnWorker, type WorkerChild } from './children.fixture.ts'

/** How often something is killed; the long suite asks for 100. */
const ROUNDS = Number(process.env['INSTAR_KILL_ROUNDS'] ?? 4)
const WORKERS = 3
const KEY = Buffer.alloc(32, 7).toString('hex')

const chain = [
  step('GET_INSTANCE_INFO'),
  step('DEPLOY_TRANSFER_DISKS', [0]),
  step('REPLICATE_DISKS', [1]),
  step('DELETE_TRANSFER_SOURCE_RESOURCES', [1, 2], { rule: 'always' }),
]

/** Starts executions until told to stop; answers the ids of those whose start was acknowledged. */
async function load(store: Store, engine: Engine, stop: AbortSignal): Promise<string[]> {
  const acknowledged: string[] = []
  const action = await store.retry(() => createAction(store), AbortSignal.timeout(60_000))
  while (!stop.aborted) {
    const request = { action, kind: 'transfer_execution', steps: chain, options: { ms: 60 } }
    acknowledged.push(await store.transact(trx => engine.start(trx, request), AbortSignal.timeout(60_000)))
    await sleep(150)
  }
  return acknowledged
}

/** The postmaster of the store below this folder. */
function postmasterPid(dataDir: string): number {
  return Number(readFileSync(join(dataDir, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n')[0])
}

async function killSomething(round: number, dataDir: string, workers: WorkerChild[], url: string): Promise<void> {
  if (round % 2 === 0) {
    process.kill(postmasterPid(dataDir), 'SIGKILL')
    return
  }
  const [victim] = workers.splice(Math.floor(Math.random() * workers.length), 1)
  await victim?.kill()
  workers.push(await spawnWorker(url, `worker-of-round-${round}`))
}

test(
  `whatever is killed, acknowledged work is done, and no attempt is made by two (${ROUNDS} rounds)`,
  { timeout: 120_000 + ROUNDS * 10_000 },
  async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'kill-'))
    chmodSync(dataDir, 0o755)
    await using stack = new AsyncDisposableStack()
    stack.defer(() => rmSync(dataDir, { recursive: true, force: true }))
    const store = stack.use(await openStore({ dataDir, secretKey: KEY, log: silent, signal: new AbortController().signal }))
    const engine = stack.use(await createEngine({ store, log: silent }))
    await createEfforts(store)
    const workers: WorkerChild[] = []
    stack.defer(async () => void (await Promise.all(workers.map(worker => worker.kill()))))
    for (let number = 0; number < WORKERS; number += 1) workers.push(await spawnWorker(store.url, `worker-${number}`))

    const stopping = new AbortController()
    const loading = load(store, engine, stopping.signal)
    for (let round = 0; round < ROUNDS; round += 1) {
      await sleep(500 + Math.random() * 2_000)
      await killSomething(round, dataDir, workers, store.url)
    }
    await sleep(1_000)
    stopping.abort()
    const acknowledged = await loading
    assert.ok(acknowledged.length > ROUNDS)

    const all = await until(
      async () => {
        const rows = await store.retry(
          () => store.db.selectFrom('executions').select(['id', 'state']).execute(),
          AbortSignal.timeout(60_000),
        )
        return rows.every(({ state }) => state !== 'running' && state !== 'cancelling') ? rows : undefined
      },
      'the end of all executions',
      90_000,
    )
    const states = new Map(all.map(({ id, state }) => [id, state]))
    assert.deepEqual(
      acknowledged.filter(id => states.get(id) !== 'completed'),
      [],
    )
    const tasks = await store.db.selectFrom('tasks').select(['id', 'attempt', 'state']).execute()
    assert.ok(tasks.every(({ state }) => state === 'completed'))
    const made = await efforts(store)
    const hosts = Map.groupBy(made, ({ task_id, attempt }) => `${task_id} ${attempt}`)
    for (const [attempt, notes] of hosts) assert.equal(new Set(notes.map(({ host }) => host)).size, 1, `two made attempt ${attempt}`)
    for (const { id, attempt } of tasks) assert.ok(hosts.has(`${id} ${attempt}`), `task ${id} counts attempt ${attempt}, which nobody made`)
  },
)
