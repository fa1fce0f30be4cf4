import { randomUUID } from 'node:crypto'
import type { Log } from '@instar/contract'
import type { Store, TaskState } from '@instar/store'
import { createTestStore } from '@instar/store/testing'
import { createEngine } from './create-engine.ts'
import { openBoss } from './delivery/boss.ts'
import type { Engine, EngineLimits } from './engine.ts'
import type { PlannedStep, StepRequirement } from './plans/planned-step.ts'
import type { TaskType } from './plans/task-types.ts'
import type { WorkerOptions } from './worker/worker.ts'

export const silent: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

export const PROJECT = 'a'.repeat(32)
export const CAPABILITY = 8

export const onSim: StepRequirement = { side: 'source', platform: 'sim', capability: CAPABILITY, regions: [] }

/** A store whose database has the queue's tables already. */
export function createEngineStore(log: Log = silent): Promise<Store> {
  const prepare = {
    name: 'pg-boss 12.35.0',
    run: async (store: Store) => {
      const boss = await openBoss(store.url, silent)
      await boss.stop({ graceful: false })
    },
  }
  return createTestStore({ prepare, log })
}

/** An action with instances to start executions of. */
export async function createAction(
  store: Store,
  instances: readonly string[] = ['web'],
): Promise<{ id: string; projectId: string; userId: string }> {
  const action = { id: randomUUID(), projectId: PROJECT, userId: 'b'.repeat(32) }
  await store.db
    .insertInto('actions')
    .values({ id: action.id, kind: 'transfer', project_id: PROJECT, user_id: action.userId, instances: [...instances] })
    .execute()
  await store.db
    .insertInto('action_instances')
    .values(instances.map((instance, position) => ({ action_id: action.id, instance, position })))
    .execute()
  return action
}

/** Steps from a short form: the type, what it needs by place, and its rule. */
export function step(type: TaskType, needs: readonly number[] = [], more: Partial<PlannedStep> = {}): PlannedStep {
  return { type, instance: 'web', needs, rule: 'success', requires: [onSim], ...more }
}

export interface TestWorker extends AsyncDisposable {
  /** Settles when the worker has ended. */
  readonly ended: Promise<void>
  stop(): void
}

type Limits = EngineLimits & NonNullable<WorkerOptions['limits']>
type TestWorkerOptions = Partial<WorkerOptions> & Pick<WorkerOptions, 'steps'> & { readonly limits?: Limits; readonly log?: Log }

/** A worker with an engine of its own, as another process has it. */
export function startWorker(store: Store, { limits = {}, log = silent, ...options }: TestWorkerOptions): TestWorker {
  const stopping = new AbortController()
  const ended = work(
    { store, log, limits },
    {
      host: `worker-${randomUUID().slice(0, 8)}`,
      providers: { sim: { types: [CAPABILITY], schemas: {} } },
      signal: stopping.signal,
      ...options,
    },
  )
  ended.catch(() => undefined)
  return {
    ended,
    stop: () => stopping.abort(),
    [Symbol.asyncDispose]: async () => {
      stopping.abort()
      await ended.catch(() => undefined)
    },
  }
}

async function work(parts: { store: Store; log: Log; limits: Limits }, options: WorkerOptions): Promise<void> {
  await using engine = await createEngine(parts)
  await engine.work({ ...options, limits: parts.limits })
}

export interface Scene extends AsyncDisposable {
  readonly store: Store
  readonly engine: Engine
  /** Starts an execution of a new action. */
  start(steps: readonly PlannedStep[], instances?: readonly string[]): Promise<{ id: string; actionId: string }>
  /** Waits for the end of an execution: its state, and the states of its tasks by type and instance. */
  end(executionId: string): Promise<{ state: string; tasks: Record<string, TaskState> }>
  /** Waits until a task is in a state. */
  reach(executionId: string, type: TaskType, state: TaskState): Promise<void>
}

export async function openScene(options: Partial<Parameters<typeof createEngine>[0]> = {}): Promise<Scene> {
  const store = await createEngineStore(options.log)
  const engine = await createEngine({ store, log: silent, ...options })
  const tasksOf = (id: string) =>
    store.db.selectFrom('tasks').select(['type', 'instance', 'state', 'idx']).where('execution_id', '=', id).orderBy('idx').execute()
  const scene: Scene = {
    store,
    engine,
    start: async (steps, instances = ['web']) => {
      const action = await createAction(store, instances)
      const id = await store.transact(trx => engine.start(trx, { action, kind: 'transfer_execution', steps }), AbortSignal.timeout(10_000))
      return { id, actionId: action.id }
    },
    end: async id => {
      const state = await until(async () => {
        const row = await store.retry(
          () => store.db.selectFrom('executions').select(['state', 'ended_at']).where('id', '=', id).executeTakeFirstOrThrow(),
          AbortSignal.timeout(10_000),
        )
        return row.ended_at === null ? undefined : row.state
      }, 'the end of the execution')
      const tasks = await tasksOf(id)
      const several = new Set(tasks.map(({ instance }) => instance)).size > 1
      return { state, tasks: Object.fromEntries(tasks.map(each => [several ? `${each.instance} ${each.type}` : each.type, each.state])) }
    },
    reach: async (id, type, state) => {
      await until(
        async () => (await tasksOf(id)).some(task => task.type === type && task.state === state) || undefined,
        `${type} to be ${state}`,
      )
    },
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
  return scene
}

/** Waits for something to be there; the limit is wide, for a loaded machine. */
export async function until<T>(look: () => Promise<T | undefined> | T | undefined, what: string, limitMs = 60_000): Promise<T> {
  const deadline = performance.now() + limitMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > deadline) throw new Error(`waited too long for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}
