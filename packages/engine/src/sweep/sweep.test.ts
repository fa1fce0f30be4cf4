import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { openScene, silent, startWorker, step, until } from '../engine.fixture.ts'
import { openParts } from '../open-parts.ts'
import { startSweeping } from './sweep.ts'

test('after an outage of the database workers have time to give a sign of life before work is given up', async () => {
  await using scene = await openScene()
  const { db } = scene.store
  await using parts = await openParts({ store: scene.store, log: silent })
  const worker = startWorker(scene.store, { host: 'only', steps: {} })
  await until(async () => ((await db.selectFrom('workers').select('id').execute()).length === 1 ? true : undefined), 'the worker')
  worker.stop()
  await worker.ended
  const beat = (age: string) => sql`update workers set beat_at = now() - ${age}::interval`.execute(db)
  const { id } = await scene.start([step('GET_INSTANCE_INFO')])
  const state = async () => (await db.selectFrom('tasks').select('state').where('execution_id', '=', id).executeTakeFirstOrThrow()).state
  await sql`update tasks set pending_at = now() - interval '30 seconds'`.execute(db)
  await beat('30 seconds')
  let failures = 0
  let isAway = true
  const admission = Object.assign(Object.create(parts.admission) as typeof parts.admission, {
    admitAll: async () => {
      if (isAway) throw Object.assign(new Error(`connection refused, ${++failures}`), { code: 'ECONNREFUSED', syscall: 'connect' })
    },
  })

  await using _sweeping = startSweeping({ ...parts, admission }, { everyMs: 20, settleMs: 1_000 })

  await until(async () => (failures > 0 ? true : undefined), 'a sweep in the outage')
  isAway = false
  await sleep(500)
  await beat('0 seconds')
  await sleep(1_000)
  assert.equal(await state(), 'pending')
  await beat('30 seconds')
  assert.equal((await scene.end(id)).state, 'failed')
})
