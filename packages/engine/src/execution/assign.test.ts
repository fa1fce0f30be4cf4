import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openScene, silent, startWorker, step, until } from '../engine.fixture.ts'
import { openParts } from '../open-parts.ts'
import { sweep } from '../sweep/sweep.ts'
import type { StepContext, StepDefinition } from '../worker/step.ts'

const never = new AbortController().signal
const nothing: StepDefinition = { run: () => Promise.resolve() }
const TYPES = ['GET_INSTANCE_INFO', 'REPLICATE_DISKS', 'DELETE_TRANSFER_SOURCE_RESOURCES'] as const

/** An execution whose second task is assigned to a worker while the first one runs, and the hosts that did its tasks. */
async function runAssigned(options: { readonly worker: string; readonly second?: StepDefinition; readonly hosts: readonly string[] }) {
  const scene = await openScene()
  const { store, engine } = scene
  const assign = async ({ execution, task }: StepContext) =>
    store.transact(
      trx => engine.assign(trx, { executionId: execution.id, instance: task.instance, types: ['REPLICATE_DISKS'], worker: options.worker }),
      never,
    )
  const steps = {
    GET_INSTANCE_INFO: { run: assign },
    REPLICATE_DISKS: options.second ?? nothing,
    DELETE_TRANSFER_SOURCE_RESOURCES: nothing,
  }
  const workers = options.hosts.map(host => startWorker(store, { host, steps }))
  const { id } = await scene.start([step(TYPES[0]), step(TYPES[1], [0]), step(TYPES[2], [1], { requires: [] })])
  return {
    id,
    scene,
    workers,
    hosts: async () => {
      const tasks = await store.db.selectFrom('tasks').select(['type', 'host', 'crashes']).where('execution_id', '=', id).execute()
      return new Map(tasks.map(({ type, host, crashes }) => [type, { host, crashes }]))
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(workers.map(worker => worker[Symbol.asyncDispose]()))
      await scene[Symbol.asyncDispose]()
    },
  }
}

test('a task that was assigned is done by that worker, whichever others there are', async () => {
  for (const worker of ['a', 'b', 'c']) {
    await using run = await runAssigned({ worker, hosts: ['a', 'b', 'c'] })
    assert.equal((await run.scene.end(run.id)).state, 'completed')
    assert.equal((await run.hosts()).get('REPLICATE_DISKS')?.host, worker)
  }
})

test('a task whose worker is not there goes to any other', async () => {
  await using run = await runAssigned({ worker: 'gone', hosts: ['a'] })
  await using parts = await openParts({ store: run.scene.store, log: silent })
  await run.scene.reach(run.id, 'REPLICATE_DISKS', 'pending')
  await sleep(200)
  assert.equal((await run.hosts()).get('REPLICATE_DISKS')?.host, null)

  await sweep(parts)

  assert.equal((await run.scene.end(run.id)).state, 'completed')
  assert.deepEqual((await run.hosts()).get('REPLICATE_DISKS'), { host: 'a', crashes: 0 })
})

test('a task that runs on a worker which is gone is begun again by another', async () => {
  const second: StepDefinition = { run: ({ signal }) => sleep(600_000, undefined, { signal }) }
  await using run = await runAssigned({ worker: 'a', hosts: ['a'], second })
  const { store } = run.scene
  await using parts = await openParts({ store, log: silent })
  await run.scene.reach(run.id, 'REPLICATE_DISKS', 'running')
  // As a kill leaves it: no sign of life any more, and the task is still its own.
  await using _other = startWorker(store, { host: 'b', steps: { REPLICATE_DISKS: nothing, DELETE_TRANSFER_SOURCE_RESOURCES: nothing } })
  await run.workers[0]![Symbol.asyncDispose]()
  await until(async () => ((await run.hosts()).get('REPLICATE_DISKS')?.host === 'a' ? true : undefined), 'the task to be left')

  await sweep(parts)

  assert.equal((await run.scene.end(run.id)).state, 'completed')
  assert.equal((await run.hosts()).get('REPLICATE_DISKS')?.host, 'b')
})

test('a worker that is switched off ends what it has begun', async () => {
  const gate = Promise.withResolvers<void>()
  await using run = await runAssigned({ worker: 'a', hosts: ['a', 'b'], second: { run: () => gate.promise } })
  const { store } = run.scene
  await using parts = await openParts({ store, log: silent })
  await run.scene.reach(run.id, 'REPLICATE_DISKS', 'running')
  await store.db.updateTable('workers').set({ enabled: false }).where('host', '=', 'a').execute()

  await sweep(parts)
  gate.resolve()

  assert.equal((await run.scene.end(run.id)).state, 'completed')
  assert.deepEqual((await run.hosts()).get('REPLICATE_DISKS'), { host: 'a', crashes: 0 })
})
