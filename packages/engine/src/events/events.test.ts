import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { InstarEvent } from '@instar/contract'
import { createAction, openScene, PROJECT, startWorker, step } from '../engine.fixture.ts'
import type { StepDefinition } from '../worker/step.ts'

test('those who follow see every event once and in order, however many write at once', async () => {
  await using scene = await openScene()
  const { store, engine } = scene
  const stopping = new AbortController()
  const seen: number[] = []
  const following = (async () => {
    for await (const { event } of engine.followEvents({ projectId: PROJECT, after: 0, live: true, signal: stopping.signal })) {
      seen.push(event.seq)
      if (seen.length === 400) return
    }
  })()

  // Transactions of different lengths: the numbers must not be given in the order in which they began.
  await Promise.all(
    Array.from({ length: 8 }, async (_, writer) => {
      for (let at = 0; at < 25; at += 1)
        await store.db.transaction().execute(async trx => {
          const insert = sql`insert into events (project_id, body) values (${PROJECT}, '{"kind": "warning"}')`
          await insert.execute(trx)
          await sleep(Math.random() * 4 + (writer === 0 ? 10 : 0))
          await insert.execute(trx)
        })
    }),
  )
  await Promise.race([following, sleep(20_000)])
  stopping.abort()

  assert.deepEqual(
    seen,
    Array.from({ length: 400 }, (_, at) => at + 1),
  )
})

test('an execution tells its steps and its end; a reader goes on after what it has; progress is at most one a second', async () => {
  await using scene = await openScene()
  const { store, engine } = scene
  const copying: StepDefinition = {
    run: async ({ progress, event, emit, signal }) => {
      for (let at = 0; at <= 100; at += 1) {
        progress('Copying disk 1', at, 100)
        await sleep(11, undefined, { signal })
      }
      event('WARNING', 'The clock of the guest is wrong')
      emit({ kind: 'output', message: 'x'.repeat(100) })
      progress('x'.repeat(2_000))
    },
  }
  await using _worker = startWorker(store, { steps: { REPLICATE_DISKS: copying } })
  const { id } = await scene.start([step('REPLICATE_DISKS')])
  await scene.end(id)
  const read = async (after: number) => {
    const stored = await Array.fromAsync(
      engine.followEvents({ projectId: PROJECT, of: { executionId: id }, after, live: false, signal: AbortSignal.timeout(9_000) }),
    )
    return stored.map(({ event }) => InstarEvent.parse(event))
  }

  const all = await read(0)
  const bars = all.filter(({ percent }) => percent !== undefined)

  assert.ok(bars.length >= 1 && bars.length <= 4, `${bars.length} of 101`)
  assert.deepEqual(
    all.filter(({ kind }) => kind === 'step' || kind === 'result').map(({ kind, step, state, message }) => [kind, step ?? message, state]),
    [
      ['step', 'Replicate disks', 'started'],
      ['step', 'Replicate disks', 'succeeded'],
      ['result', 'COMPLETED', 'succeeded'],
    ],
  )
  assert.ok(all.some(({ kind, message }) => kind === 'warning' && message === 'The clock of the guest is wrong'))
  assert.deepEqual(await read(all[1]!.seq), all.slice(2))
  const rows = await store.db.selectFrom('task_progress').select(['idx', 'message', 'current_step', 'total_steps']).orderBy('idx').execute()
  assert.deepEqual(rows[0], { idx: 0, message: 'Copying disk 1', current_step: 100, total_steps: 100 })
  assert.equal(rows[1]?.message.length, 1_024)
  assert.ok(rows[1]?.message.endsWith('...'))
  const noted = await store.db.selectFrom('task_events').select(['level', 'message']).execute()
  assert.deepEqual(noted, [{ level: 'WARNING', message: 'The clock of the guest is wrong' }])
})

test('the events of one project are not those of another', async () => {
  await using scene = await openScene()
  await createAction(scene.store)
  await sql`insert into events (project_id, body) values ('other', '{"kind": "warning"}')`.execute(scene.store.db)

  const seen = await Array.fromAsync(
    scene.engine.followEvents({ projectId: PROJECT, after: 0, live: false, signal: AbortSignal.timeout(9_000) }),
  )

  assert.deepEqual(seen, [])
})
