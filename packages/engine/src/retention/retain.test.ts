import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { openScene, startWorker, step, type Scene } from '../engine.fixture.ts'
import { applyRetention, hideExecutions, purgeDeleted } from './retain.ts'

const never = new AbortController().signal
const plan = [step('GET_INSTANCE_INFO')]

test('keeps so many ended executions of an action and what is at work, and numbers go on', async () => {
  await using scene = await openScene()
  const { store, engine } = scene
  await using worker = startWorker(store, { steps: { GET_INSTANCE_INFO: { run: () => Promise.resolve() } } })
  const { id: first, actionId } = await scene.start([step('GET_INSTANCE_INFO')])
  await scene.end(first)
  const action = { id: actionId, projectId: 'p', userId: 'u' }
  const again = () =>
    store.transact(trx => engine.start(trx, { action, kind: 'transfer_execution', steps: [step('GET_INSTANCE_INFO')] }), never)
  for (let number = 2; number <= 4; number += 1) await scene.end(await again())
  await worker[Symbol.asyncDispose]()
  const running = await again()

  await applyRetention(store, { executionsPerAction: 3 }, never)

  const rows = await store.db.selectFrom('executions').select(['number', 'id']).orderBy('number').execute()
  assert.deepEqual(
    rows.map(row => row.number),
    [3, 4, 5],
  )
  await applyRetention(store, { executionDays: 0, eventDays: 0 }, never)
  assert.deepEqual(await store.db.selectFrom('executions').select('id').execute(), [{ id: running }])
  assert.deepEqual(await store.db.selectFrom('events').select('id').execute(), [])
})

/** Script runs of an execution, each with a piece of output. */
async function addRuns({ store }: Scene, executionId: string, count: number): Promise<void> {
  await sql`with runs as (insert into script_runs (id, execution_id, project_id, instance, record, ended_at)
      select gen_random_uuid(), ${executionId}, 'p', 'web', '{}', now() from generate_series(1, ${count}) returning id)
    insert into script_output (script_run_id, stream, start_byte, data) select id, 'stdout', 0, 'said' from runs`.execute(store.db)
}

async function left({ store }: Scene) {
  const { rows } = await sql<Record<'runs' | 'output' | 'events' | 'hidden', number>>`select
    (select count(*)::int from script_runs) as runs, (select count(*)::int from script_output) as output,
    (select count(*)::int from events) as events,
    (select count(*)::int from executions where deleted_at is not null) as hidden`.execute(store.db)
  return rows[0]
}

test('what a user deletes takes records, output and events with it, and keeps its number', async () => {
  await using scene = await openScene()
  const { store } = scene
  await using _worker = startWorker(store, { steps: { GET_INSTANCE_INFO: { run: () => Promise.resolve() } } })
  const [kept, one, all] = [await scene.start(plan), await scene.start(plan), await scene.start(plan)]
  for (const { id } of [kept, one, all]) await scene.end(id)
  for (const { id } of [kept, one, all]) await addRuns(scene, id, 2)
  const before = await left(scene)

  for (const which of [{ executionId: one.id }, { actionId: all.actionId }]) {
    await store.transact(trx => hideExecutions(trx, which), never)
    await purgeDeleted(store, which, never)
  }

  assert.deepEqual(before, { runs: 6, output: 6, events: before!.events, hidden: 0 })
  assert.deepEqual(await left(scene), { runs: 2, output: 2, events: before.events / 3, hidden: 2 })
})

test('what was cut off while it was deleted is deleted by the next round of retention', async () => {
  await using scene = await openScene()
  const { store } = scene
  await using _worker = startWorker(store, { steps: { GET_INSTANCE_INFO: { run: () => Promise.resolve() } } })
  const [cutOff, older] = [await scene.start(plan), await scene.start(plan)]
  for (const { id } of [cutOff, older]) await scene.end(id)
  await addRuns(scene, cutOff.id, 450)
  await addRuns(scene, older.id, 1)
  // As earlier versions deleted transfers and deployments: their executions were not marked.
  await store.db.updateTable('actions').set({ deleted_at: new Date() }).where('id', '=', older.actionId).execute()
  await store.transact(trx => hideExecutions(trx, { actionId: cutOff.actionId }), never)

  const stop = new AbortController()
  const purging = purgeDeleted(store, { actionId: cutOff.actionId }, stop.signal)
  stop.abort()

  await assert.rejects(purging, { name: 'AbortError' })
  assert.equal((await left(scene))?.runs, 251)
  await applyRetention(store, {}, never)
  assert.deepEqual(await left(scene), { runs: 0, output: 0, events: 0, hidden: 1 })
  await applyRetention(store, {}, never)
})
