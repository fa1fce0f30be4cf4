import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createEngine, type Engine, type PlannedStep } from '@instar/engine'
import { openStore, type Store } from '@instar/store'
import { median } from './measure.ts'
import type { Row } from './report.ts'

const signal = AbortSignal.timeout(900_000)
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const requires = [{ side: 'source', platform: 'sim', capability: 8, regions: [] }] as const
const emptyChain = (length: number): PlannedStep[] =>
  Array.from({ length }, (_, at) => ({
    type: 'GET_INSTANCE_INFO',
    instance: 'web',
    needs: at === 0 ? [] : [at - 1],
    rule: 'success',
    requires,
  }))
const longStep: PlannedStep[] = [{ type: 'REPLICATE_DISKS', instance: 'web', needs: [], rule: 'success', requires }]

interface Scene {
  readonly store: Store
  readonly engine: Engine
}

/** What the engine does in a second, and how long it takes to do nothing: three worker processes on one embedded PostgreSQL (fsync on). */
export async function benchEngine({ work, runs }: { work: string; runs: number }): Promise<Row[]> {
  const dataDir = join(work, 'engine')
  mkdirSync(dataDir)
  chmodSync(work, 0o755)
  await using stack = new AsyncDisposableStack()
  const store = stack.use(await openStore({ dataDir, secretKey: Buffer.alloc(32, 7).toString('hex'), log, signal }))
  const engine = stack.use(await createEngine({ store, log }))
  const workers: ChildProcess[] = []
  stack.defer(() => workers.forEach(worker => worker.kill('SIGKILL')))
  for (let number = 0; number < 3; number += 1) workers.push(await startWorker(store.url, `worker-${number}`))
  const scene = { store, engine }
  await run(scene, emptyChain(1))

  const rates = await repeat(runs, () => stepRate(scene))
  const gaps = (await repeat(runs, () => gapsOf(scene))).flat()
  const cancels = await repeat(2 * runs, () => cancelTime(scene))
  const questions = await repeat(20 * runs, () => questionTime(scene))
  const takeover = await takeoverTime(scene, workers)
  return [
    { name: 'engine: empty steps a second, 3 workers', value: `${Math.round(median(rates))}`, target: '300' },
    { name: 'engine: from the end of a step to the start of the next', value: `${Math.round(median(gaps))} ms`, target: '50 ms' },
    { name: 'engine: from cancel to the end of the step', value: `${Math.round(median(cancels))} ms`, target: '1 s' },
    { name: 'engine: a question and its answer', value: `${median(questions).toFixed(1)} ms`, target: '50 ms' },
    { name: 'engine: takeover after kill -9 of a worker (once)', value: `${(takeover / 1000).toFixed(1)} s`, target: '15 s' },
  ]
}

async function repeat<T>(count: number, measure: () => Promise<T>): Promise<T[]> {
  const values: T[] = []
  for (let at = 0; at < count; at += 1) values.push(await measure())
  return values
}

async function startWorker(url: string, host: string): Promise<ChildProcess> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'engine-worker-child.fixture.ts'), url, host],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  await once(child.stdout, 'data')
  return child
}

async function start({ store, engine }: Scene, steps: readonly PlannedStep[]): Promise<string> {
  const action = { id: randomUUID(), projectId: 'a'.repeat(32), userId: 'b'.repeat(32) }
  const row = { id: action.id, kind: 'transfer', project_id: action.projectId, user_id: action.userId, instances: ['web'] } as const
  await store.db
    .insertInto('actions')
    .values({ ...row, instances: ['web'] })
    .execute()
  return store.transact(trx => engine.start(trx, { action, kind: 'transfer_execution', steps }), signal)
}

async function whenEnded({ store }: Scene, ids: readonly string[]): Promise<void> {
  for (;;) {
    const open = await store.db
      .selectFrom('executions')
      .select('id')
      .where('id', 'in', ids)
      .where('ended_at', 'is', null)
      .limit(1)
      .executeTakeFirst()
    if (open === undefined) return
    await sleep(20, undefined, { signal })
  }
}

async function run(scene: Scene, steps: readonly PlannedStep[]): Promise<string> {
  const id = await start(scene, steps)
  await whenEnded(scene, [id])
  return id
}

async function stepRate(scene: Scene): Promise<number> {
  const executions = 60
  const steps = emptyChain(20)
  const began = performance.now()
  const ids = await Promise.all(Array.from({ length: executions }, () => start(scene, steps)))
  await whenEnded(scene, ids)
  return (executions * steps.length * 1000) / (performance.now() - began)
}

/** ms between the end of each step and the start of the next one, by the database's clock. */
async function gapsOf(scene: Scene): Promise<number[]> {
  const id = await run(scene, emptyChain(30))
  const tasks = await scene.store.db
    .selectFrom('tasks')
    .select(['started_at', 'ended_at'])
    .where('execution_id', '=', id)
    .orderBy('idx')
    .execute()
  return tasks.slice(1).map((task, at) => task.started_at!.getTime() - tasks[at]!.ended_at!.getTime())
}

async function whenRunning({ store }: Scene, id: string, attempt: number): Promise<void> {
  for (;;) {
    const task = await store.db.selectFrom('tasks').select(['state', 'attempt']).where('execution_id', '=', id).executeTakeFirstOrThrow()
    if (task.state === 'running' && task.attempt >= attempt) return
    await sleep(5, undefined, { signal })
  }
}

async function cancelTime(scene: Scene): Promise<number> {
  const id = await start(scene, longStep)
  await whenRunning(scene, id, 1)
  const began = performance.now()
  await scene.store.transact(trx => scene.engine.cancel(trx, id, { force: false }), signal)
  await whenEnded(scene, [id])
  return performance.now() - began
}

async function questionTime({ engine }: Scene): Promise<number> {
  const began = performance.now()
  await engine.ask({ projectId: 'a'.repeat(32), kind: 'echo', requires, body: { hello: 'world' }, signal })
  return performance.now() - began
}

async function takeoverTime(scene: Scene, workers: readonly ChildProcess[]): Promise<number> {
  const id = await start(scene, longStep)
  await whenRunning(scene, id, 1)
  const { process_id } = await scene.store.db
    .selectFrom('tasks')
    .select('process_id')
    .where('execution_id', '=', id)
    .executeTakeFirstOrThrow()
  workers.find(({ pid }) => pid === process_id)?.kill('SIGKILL')
  const began = performance.now()
  await whenRunning(scene, id, 2)
  return performance.now() - began
}
