import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { openScene, startWorker, step } from '../engine.fixture.ts'
import { applyRetention, forgetExecution } from './retain.ts'

const never = new AbortController().signal

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

test('what the user deletes takes its events with it and keeps its number', async () => {
  await using scene = await openScene()
  await using _worker = startWorker(scene.store, { steps: { GET_INSTANCE_INFO: { run: () => Promise.resolve() } } })
  const { id } = await scene.start([step('GET_INSTANCE_INFO')])
  await scene.end(id)

  await scene.store.transact(trx => forgetExecution(trx, id), never)

  const { rows } = await sql<{ events: number; executions: number }>`select (select count(*)::int from events) as events,
    (select count(*)::int from executions where deleted_at is not null) as executions`.execute(scene.store.db)
  assert.deepEqual(rows, [{ events: 0, executions: 1 }])
})
