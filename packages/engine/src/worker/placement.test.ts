import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Store } from '@instar/store'
import { countDeadlocks } from '@instar/store/testing'
import { createAction, onSim, openScene, startWorker, step, until } from '../engine.fixture.ts'
import { sweep } from '../sweep/sweep.ts'
import { openParts } from '../open-parts.ts'
import { silent } from '../engine.fixture.ts'
import type { StepDefinition } from './step.ts'

const nothing: StepDefinition = { run: () => Promise.resolve() }
const never = new AbortController().signal

async function addRegion(store: Store, host: string, name: string): Promise<string> {
  const id = randomUUID()
  await store.db.insertInto('regions').values({ id, name }).execute()
  await sql`insert into worker_regions select id, ${id} from workers where host = ${host}`.execute(store.db)
  await store.notify(store.db, 'instar_workers', '')
  return id
}

const hostOf = async (store: Store, executionId: string) =>
  (await store.db.selectFrom('tasks').select('host').where('execution_id', '=', executionId).executeTakeFirstOrThrow()).host

test('a task goes to a worker of its region that offers the platform with the capability', async () => {
  await using scene = await openScene()
  const { store } = scene
  await using _west = startWorker(store, { host: 'west', steps: { GET_INSTANCE_INFO: nothing } })
  await using _east = startWorker(store, { host: 'east', steps: { GET_INSTANCE_INFO: nothing } })
  const rich = { sim: { types: [8, 64], schemas: {} } }
  await using _rich = startWorker(store, { host: 'rich', providers: rich, steps: { GET_INSTANCE_INFO: nothing } })
  await until(async () => ((await store.db.selectFrom('workers').select('id').execute()).length === 3 ? true : undefined), 'three workers')
  const east = await addRegion(store, 'east', 'east')

  for (let round = 0; round < 4; round += 1) {
    const inEast = await scene.start([step('GET_INSTANCE_INFO', [], { requires: [{ ...onSim, regions: [east] }] })])
    const morphing = await scene.start([step('GET_INSTANCE_INFO', [], { requires: [{ ...onSim, capability: 64 }] })])
    await scene.end(inEast.id)
    await scene.end(morphing.id)
    assert.deepEqual([await hostOf(store, inEast.id), await hostOf(store, morphing.id)], ['east', 'rich'])
  }
})

test('a disabled worker gets no new task until it is enabled again', async () => {
  await using scene = await openScene()
  const { store } = scene
  await using _worker = startWorker(store, { host: 'only', steps: { GET_INSTANCE_INFO: nothing } })
  const first = await scene.start([step('GET_INSTANCE_INFO')])
  await scene.end(first.id)
  await store.db.updateTable('workers').set({ enabled: false }).execute()
  await store.notify(store.db, 'instar_workers', '')
  await sleep(300)

  const second = await scene.start([step('GET_INSTANCE_INFO')])
  await sleep(1_500)
  const [waiting] = await store.db.selectFrom('tasks').select('state').where('execution_id', '=', second.id).execute()
  await store.db.updateTable('workers').set({ enabled: true }).execute()
  await store.notify(store.db, 'instar_workers', '')

  assert.equal(waiting?.state, 'pending')
  assert.equal((await scene.end(second.id)).state, 'completed')
})

test('a task that no worker can take fails to be scheduled, and says what was missing', async () => {
  await using scene = await openScene()
  await using parts = await openParts({ store: scene.store, log: silent })
  const { id } = await scene.start([step('GET_INSTANCE_INFO'), step('REPLICATE_DISKS', [0])])
  await sweep(parts)
  const early = await scene.store.db.selectFrom('executions').select('state').where('id', '=', id).executeTakeFirstOrThrow()
  await sql`update tasks set pending_at = now() - interval '11 seconds' where state = 'pending'`.execute(scene.store.db)

  await sweep(parts)

  assert.equal(early.state, 'running')
  assert.deepEqual(await scene.end(id), { state: 'failed', tasks: { GET_INSTANCE_INFO: 'unplaced', REPLICATE_DISKS: 'skipped' } })
  const task = await scene.store.db.selectFrom('tasks').select('reason').where('type', '=', 'GET_INSTANCE_INFO').executeTakeFirstOrThrow()
  assert.match(task.reason ?? '', /no worker .* offers sim \(Transfer Source\)/)
})

test('limits of endpoints and projects hold, and everything gets its turn', async () => {
  const limits = { perEndpoint: 2, perProject: 3 }
  await using scene = await openScene({ limits })
  const { store, engine } = scene
  const atWork = new Map<string, number>()
  const peak = new Map<string, number>()
  const counting: StepDefinition = {
    run: async ({ execution, signal }) => {
      for (const key of [execution.options['endpoint'] as string, 'all']) {
        atWork.set(key, (atWork.get(key) ?? 0) + 1)
        peak.set(key, Math.max(peak.get(key) ?? 0, atWork.get(key) ?? 0))
      }
      // Long beside the time from step to step on a busy host, else fewer than the limit are ever at work.
      await sleep(250, undefined, { signal })
      for (const key of [execution.options['endpoint'] as string, 'all']) atWork.set(key, (atWork.get(key) ?? 0) - 1)
    },
  }
  await using _one = startWorker(store, { steps: { GET_INSTANCE_INFO: counting, REPLICATE_DISKS: counting }, limits })
  await using _two = startWorker(store, { steps: { GET_INSTANCE_INFO: counting, REPLICATE_DISKS: counting }, limits })
  const endpoints = [randomUUID(), randomUUID()]
  const { actionId } = await scene.start([step('GET_INSTANCE_INFO', [], { requires: [{ ...onSim, platform: 'none' }] })])
  const action = { id: actionId, projectId: 'c'.repeat(32), userId: 'u' }

  const ids: string[] = []
  for (let at = 0; at < 12; at += 1) {
    const source = endpoints[at % 2] ?? ''
    const request = {
      action,
      kind: 'transfer_execution',
      steps: [step('GET_INSTANCE_INFO'), step('REPLICATE_DISKS', [0])],
      endpoints: { source },
      options: { endpoint: source },
    }
    ids.push(await store.transact(trx => engine.start(trx, request), never))
  }
  for (const id of ids) assert.equal((await scene.end(id)).state, 'completed')

  for (const endpoint of endpoints) assert.ok((peak.get(endpoint) ?? 0) <= 2, `${peak.get(endpoint)} at one endpoint`)
  assert.equal(peak.get('all'), 3)
})

test('a task that a limit held back is delivered when the limit is lifted, though nothing ends', async () => {
  await using scene = await openScene({ limits: { perProject: 1 } })
  await using limited = await openParts({ store: scene.store, log: silent, limits: { perProject: 1 } })
  await using parts = await openParts({ store: scene.store, log: silent })
  const first = await scene.start([step('GET_INSTANCE_INFO')])
  const second = await scene.start([step('GET_INSTANCE_INFO')])
  const jobs = () => scene.store.db.selectFrom('tasks').select('execution_id').where('job_id', 'is not', null).execute()
  await limited.admission.admitAll()
  assert.deepEqual(await jobs(), [{ execution_id: first.id }])

  await sweep(parts)

  assert.equal((await jobs()).length, 2)
  await using _worker = startWorker(scene.store, { steps: { GET_INSTANCE_INFO: nothing } })
  assert.equal((await scene.end(second.id)).state, 'completed')
})

test('what a limit held back of an execution does not keep it from being given up for a task that no worker can take', async () => {
  await using scene = await openScene({ limits: { perProject: 1 } })
  await using parts = await openParts({ store: scene.store, log: silent, limits: { perProject: 1 } })
  const { id } = await scene.start([step('GET_INSTANCE_INFO'), step('DEPLOY_TRANSFER_DISKS')])
  await sql`update tasks set pending_at = now() - interval '11 seconds' where state = 'pending'`.execute(scene.store.db)

  await sweep(parts)

  assert.deepEqual(await scene.end(id), { state: 'failed', tasks: { GET_INSTANCE_INFO: 'unplaced', DEPLOY_TRANSFER_DISKS: 'skipped' } })
})

test('transactions that give places of two endpoints away never wait for each other', async () => {
  const limits = { perEndpoint: 2 }
  await using scene = await openScene({ limits })
  await using parts = await openParts({ store: scene.store, log: silent, limits })
  await using _one = startWorker(scene.store, { steps: { GET_INSTANCE_INFO: nothing, REPLICATE_DISKS: nothing }, limits })
  const ends = [randomUUID(), randomUUID()].sort()
  const onBoth = [onSim, { ...onSim, side: 'destination' as const }]

  // The first step's end gives a place of the greater key, then what waits wants both.
  const ids: string[] = []
  for (let at = 0; at < 20; at += 1) {
    const steps = [step('GET_INSTANCE_INFO'), step('REPLICATE_DISKS', [0], { requires: onBoth })]
    const action = await createAction(scene.store)
    const request = { action, kind: 'transfer_execution', steps, endpoints: { source: ends[1]!, destination: ends[0]! } }
    ids.push(await scene.store.transact(trx => scene.engine.start(trx, request), never))
  }
  const sweeping = new AbortController()
  const sweeps = (async () => {
    while (!sweeping.signal.aborted) await sweep(parts)
  })()
  for (const id of ids) assert.equal((await scene.end(id)).state, 'completed')
  sweeping.abort()
  await sweeps

  assert.equal(await countDeadlocks(scene.store), 0)
})
