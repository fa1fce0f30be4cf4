import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { createAction, openScene, startWorker, step, until } from '../engine.fixture.ts'
import { createEfforts, efforts, spawnWorker } from './children.fixture.ts'
import type { StepDefinition } from './step.ts'

const never = new AbortController().signal

async function startLong(scene: Awaited<ReturnType<typeof openScene>>, options: Record<string, unknown>): Promise<string> {
  const action = await createAction(scene.store)
  const steps = [step('REPLICATE_DISKS')]
  return scene.store.transact(trx => scene.engine.start(trx, { action, kind: 'transfer_execution', steps, options }), never)
}

test('the work of a killed worker goes on elsewhere within 15 s, and its processes are gone', async () => {
  await using scene = await openScene()
  await createEfforts(scene.store)
  await using first = await spawnWorker(scene.store.url, 'first')
  const id = await startLong(scene, { ms: 600_000, group: true })
  const pid = await until(async () => (await efforts(scene.store)).find(({ what }) => what.startsWith('pid '))?.what.slice(4), 'the step')
  await using second = await spawnWorker(scene.store.url, 'second')

  await first.kill()
  const began = performance.now()
  await until(async () => (await efforts(scene.store)).some(({ host }) => host === second.host) || undefined, 'the takeover')

  const tookMs = performance.now() - began
  assert.ok(tookMs < 15_000, `${tookMs} ms`)
  assert.throws(() => process.kill(Number(pid), 0), /ESRCH/)
  const task = await scene.store.db
    .selectFrom('tasks')
    .select(['attempt', 'crashes', 'host', 'state'])
    .where('execution_id', '=', id)
    .executeTakeFirstOrThrow()
  assert.deepEqual(task, { attempt: 2, crashes: 1, host: 'second', state: 'running' })
})

test('a cancelled step whose worker dies is undone by another one', async () => {
  await using scene = await openScene()
  await createEfforts(scene.store)
  await using first = await spawnWorker(scene.store.url, 'first')
  const id = await startLong(scene, { ms: 600_000 })
  await until(async () => (await efforts(scene.store)).length > 0 || undefined, 'the step')
  // Stopped, so that the cancel cannot reach it.
  first.process.kill('SIGSTOP')
  await scene.store.transact(trx => scene.engine.cancel(trx, id, { force: false }), never)
  await first.kill()
  await using _second = await spawnWorker(scene.store.url, 'second')

  const { state, tasks } = await scene.end(id)

  assert.equal(state, 'cancelled')
  assert.deepEqual(tasks, { REPLICATE_DISKS: 'cancelled' })
  const done = await efforts(scene.store)
  assert.deepEqual(
    done.map(({ host, what }) => `${host} ${what}`),
    ['first run', 'second undo'],
  )
})

test('the result of a worker that lost its task is refused, and its step is told to stop', async () => {
  await using scene = await openScene()
  const stopped: string[] = []
  const gate = Promise.withResolvers<void>()
  const slow: StepDefinition = {
    run: async ({ task, signal }) => {
      if (task.attempt > 1) return { by: 'second' }
      signal.addEventListener('abort', () => stopped.push('first'))
      await gate.promise
      return { by: 'first' }
    },
  }
  await using _first = startWorker(scene.store, { steps: { GET_INSTANCE_INFO: slow } })
  const { id, actionId } = await scene.start([step('GET_INSTANCE_INFO')])
  await scene.reach(id, 'GET_INSTANCE_INFO', 'running')

  // As if the queue had seen no sign of life: the job goes to whoever fetches it next.
  const { job_id, queue } = await scene.store.db
    .selectFrom('tasks')
    .select(['job_id', 'queue'])
    .where('execution_id', '=', id)
    .executeTakeFirstOrThrow()
  const { PgBoss } = await import('pg-boss')
  const boss = new PgBoss({ connectionString: scene.store.url, supervise: false, schedule: false, max: 1 })
  await boss.start()
  await boss.fail(queue, job_id ?? '')
  await boss.stop({ graceful: false })
  await scene.end(id)
  await until(() => stopped.length > 0 || undefined, 'the first to be told', 10_000)
  gate.resolve()
  await sleep(200)

  const info = await scene.engine.info.read(scene.store.db, actionId)
  assert.deepEqual(info.get('web'), { by: 'second' })
})

test('a worker that ends hands its steps over at once, and they are not counted as crashes', async () => {
  await using scene = await openScene()
  const runs: string[] = []
  const noting = (name: string): StepDefinition => ({
    run: async ({ task, signal }) => {
      runs.push(`${name} ${task.attempt}`)
      if (name === 'first') await sleep(600_000, undefined, { signal })
    },
  })
  const first = startWorker(scene.store, { steps: { GET_INSTANCE_INFO: noting('first') } })
  const { id } = await scene.start([step('GET_INSTANCE_INFO')])
  await scene.reach(id, 'GET_INSTANCE_INFO', 'running')
  await using _second = startWorker(scene.store, { steps: { GET_INSTANCE_INFO: noting('second') } })

  const began = performance.now()
  first.stop()
  await first.ended
  const { state } = await scene.end(id)

  assert.equal(state, 'completed')
  assert.ok(performance.now() - began < 5_000)
  assert.deepEqual(runs, ['first 1', 'second 2'])
  const task = await scene.store.db.selectFrom('tasks').select('crashes').where('execution_id', '=', id).executeTakeFirstOrThrow()
  assert.equal(task.crashes, 0)
})

test('a step that ignores that it was told to stop ends its worker, whose other steps go on elsewhere', async () => {
  await using scene = await openScene()
  const gate = Promise.withResolvers<void>()
  const runs: string[] = []
  const steps = (name: string): Record<string, StepDefinition> => ({
    GET_INSTANCE_INFO: { run: () => gate.promise },
    REPLICATE_DISKS: {
      run: async ({ signal }) => {
        runs.push(name)
        if (name === 'first') await sleep(600_000, undefined, { signal })
      },
    },
  })
  const first = startWorker(scene.store, { steps: steps('first') })
  const deaf = await scene.start([step('GET_INSTANCE_INFO')])
  const good = await scene.start([step('REPLICATE_DISKS')])
  await scene.reach(deaf.id, 'GET_INSTANCE_INFO', 'running')
  await scene.reach(good.id, 'REPLICATE_DISKS', 'running')
  await using _second = startWorker(scene.store, { steps: steps('second') })

  await scene.store.transact(trx => scene.engine.cancel(trx, deaf.id, { force: false }), never)

  await assert.rejects(first.ended, { code: 'engine.step-stuck', message: /GET_INSTANCE_INFO of web/ })
  assert.equal((await scene.end(good.id)).state, 'completed')
  assert.deepEqual(runs, ['first', 'second'])
  gate.resolve()
})

test('a worker that cannot reach the database gives its steps up before others can have them', { timeout: 60_000 }, async () => {
  await using scene = await openScene()
  const given: number[] = []
  const patient: StepDefinition = {
    run: async ({ task, signal }) => {
      if (task.attempt > 1) return
      const began = performance.now()
      signal.addEventListener('abort', () => given.push(performance.now() - began))
      await sleep(600_000, undefined, { signal })
    },
  }
  // A store whose statements hang from a moment on, as with a network that drops packets, until it is mended.
  let isCut = false
  const mended = Promise.withResolvers<never>()
  mended.promise.catch(() => undefined)
  const hang: object = new Proxy(scene.store.db, {
    get: (_db, name) => (name === 'then' ? mended.promise.then.bind(mended.promise) : () => hang),
  })
  const hanging = new Proxy(scene.store, { get: (store, name) => (isCut && name === 'db' ? hang : Reflect.get(store, name)) })
  await using _cut = startWorker(hanging, { steps: { GET_INSTANCE_INFO: patient } })
  const { id } = await scene.start([step('GET_INSTANCE_INFO')])
  await scene.reach(id, 'GET_INSTANCE_INFO', 'running')
  isCut = true

  await until(() => given.length > 0 || undefined, 'the step to be given up', 20_000)
  isCut = false
  mended.reject(new Error('Connection terminated unexpectedly'))

  assert.ok(given[0]! < 10_500, `${given[0]} ms`)
})

test('a step whose question to the database met its restart is asked again, in the same attempt', async () => {
  await using scene = await openScene()
  let runs = 0
  const asking: StepDefinition = {
    run: async ({ store }) => {
      runs += 1
      // What a server that is started again does to each of its sessions.
      if (runs <= 5) await sql`select pg_terminate_backend(pg_backend_pid())`.execute(store.db)
    },
    undo: () => assert.fail('nothing had failed'),
  }
  await using _worker = startWorker(scene.store, { steps: { REPLICATE_DISKS: asking } })

  const { id } = await scene.start([step('REPLICATE_DISKS')])

  assert.equal((await scene.end(id)).state, 'completed')
  assert.equal(runs, 6)
  const { attempt } = await scene.store.db.selectFrom('tasks').select('attempt').where('execution_id', '=', id).executeTakeFirstOrThrow()
  assert.equal(attempt, 1)
})

test('a platform that refuses connections is not taken for the database', async () => {
  await using scene = await openScene()
  let runs = 0
  const connecting: StepDefinition = {
    run: async () => {
      runs += 1
      await once(connect('/nowhere/at-all.sock'), 'connect')
    },
  }
  await using _worker = startWorker(scene.store, { steps: { REPLICATE_DISKS: connecting } })

  const { id } = await scene.start([step('REPLICATE_DISKS')])

  assert.equal((await scene.end(id)).state, 'failed')
  assert.equal(runs, 1)
})
