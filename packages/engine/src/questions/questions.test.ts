import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { InstarError } from '@instar/contract'
import { onSim, openScene, PROJECT, startWorker, until } from '../engine.fixture.ts'

const question = (body: unknown, kind = 'instances') => ({
  projectId: PROJECT,
  kind,
  requires: [onSim],
  body,
  signal: AbortSignal.timeout(60_000),
})

async function workersUp(store: Awaited<ReturnType<typeof openScene>>['store'], count: number): Promise<void> {
  await until(
    async () => ((await store.db.selectFrom('workers').select('id').execute()).length === count ? true : undefined),
    'the workers',
  )
}

test('a question is answered by a worker that fits, and neither it nor its answer stays or is ever readable in the database', async () => {
  await using scene = await openScene()
  const seen: string[] = []
  const look = async (): Promise<void> => {
    const { rows } = await sql<{
      text: string
    }>`select encode(body, 'escape') || coalesce(encode(answer, 'escape'), '') as text from questions`.execute(scene.store.db)
    seen.push(...rows.map(({ text }) => text))
  }
  await using _deaf = startWorker(scene.store, {
    providers: { other: { types: [8], schemas: {} } },
    questions: { instances: () => Promise.reject(new Error('no')) },
    steps: {},
  })
  await using _worker = startWorker(scene.store, {
    steps: {},
    questions: {
      instances: async (body, { projectId }) => {
        await look()
        return { body, projectId, answer: 'canary-answer' }
      },
    },
  })
  await workersUp(scene.store, 2)

  const answer = await scene.engine.ask(question({ password: 'canary-question' }))

  assert.deepEqual(answer, { body: { password: 'canary-question' }, projectId: PROJECT, answer: 'canary-answer' })
  assert.equal(seen.length, 1)
  assert.ok(!seen.join().includes('canary'))
  assert.deepEqual(await scene.store.db.selectFrom('questions').select('id').execute(), [])
})

test('an error of the provider reaches the asker with its code; an unknown one tells no more than it must', async () => {
  await using scene = await openScene()
  await using _worker = startWorker(scene.store, {
    steps: {},
    questions: {
      instances: () => Promise.reject(new InstarError('provider.refused', 'wrong password', { hint: 'type it again' })),
      networks: () => Promise.reject(new TypeError('x is undefined')),
    },
  })

  await assert.rejects(scene.engine.ask(question(null)), { code: 'provider.refused', message: 'wrong password', hint: 'type it again' })
  await assert.rejects(scene.engine.ask(question(null, 'networks')), { code: 'provider.failed', message: 'x is undefined' })
})

test(
  'without a worker that fits it is refused: at once where there never was one, after 10 s where it is away',
  { timeout: 60_000 },
  async () => {
    await using scene = await openScene()
    await using _worker = startWorker(scene.store, { providers: {}, steps: {}, questions: { instances: () => Promise.resolve(1) } })
    await workersUp(scene.store, 1)
    const refused = { code: 'engine.no-worker', message: /instances for sim \(Transfer Source\)/ }
    const took = async () => {
      const began = performance.now()
      await assert.rejects(scene.engine.ask(question(null)), refused)
      return performance.now() - began
    }

    const withoutOne = await took()
    const fitting = startWorker(scene.store, { steps: {}, questions: { instances: () => Promise.resolve(1) } })
    await workersUp(scene.store, 2)
    fitting.stop()
    await fitting.ended
    const whileAway = await took()

    assert.ok(withoutOne < 5_000, `${withoutOne} ms`)
    assert.ok(whileAway >= 10_000, `${whileAway} ms`)
    assert.deepEqual(await scene.store.db.selectFrom('questions').select('id').execute(), [])
  },
)

test('what no provider of the platform can do is said to be so, also while the worker is away', async () => {
  await using scene = await openScene()
  const unsupported = { code: 'provider.unsupported', message: 'the platform sim does not offer: Source Minion Pools' }
  const requires = [{ ...onSim, capability: 524288 }]
  const worker = startWorker(scene.store, { steps: {}, questions: { options: () => Promise.resolve(1) } })
  await workersUp(scene.store, 1)

  await assert.rejects(scene.engine.ask({ ...question(null, 'options'), requires }), unsupported)
  worker.stop()
  await worker.ended
  await assert.rejects(scene.engine.ask({ ...question(null, 'options'), requires }), unsupported)
})

test('who asks no more is told so, and many questions at once are all answered', async () => {
  await using scene = await openScene()
  await using _worker = startWorker(scene.store, {
    steps: {},
    questions: {
      slow: (_body, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject)),
      double: body => Promise.resolve(2 * Number(body)),
    },
  })
  const hanging = new AbortController()
  const asked = scene.engine.ask({ ...question(null, 'slow'), signal: hanging.signal })
  setTimeout(() => hanging.abort(), 100)
  await assert.rejects(asked, { name: 'AbortError' })

  const answers = await Promise.all(Array.from({ length: 40 }, (_, at) => scene.engine.ask(question(at, 'double'))))

  assert.deepEqual(
    answers,
    Array.from({ length: 40 }, (_, at) => 2 * at),
  )
})
