import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Store } from '@instar/store'
import { createTestStore } from '@instar/store/testing'
import { exported, spawnServe, type Served } from '../../packages/cli/src/serve/spawn-serve.fixture.ts'

/** The service as its users run it: processes of `instar serve` on one PostgreSQL, with the simulator or real disks. */
export interface Processes extends AsyncDisposable {
  readonly store: Store
  /** The folder of the simulated platform; both endpoints have it. */
  readonly platform: string
  /** Those that run now, by name; one that ended is replaced when `revive` was asked for. */
  readonly apis: ReadonlyMap<string, Served>
  readonly workers: ReadonlyMap<string, Served>
  /** How often an API or a worker ended. */
  readonly deaths: () => number
  /** Resolves when all that ended runs again. */
  readonly revived: () => Promise<void>
  /** A request to the v1 API of one of the processes in turn, or with `api` to what stands beside it. */
  readonly json: <T>(method: 'GET' | 'POST' | 'PUT', path: string, body?: object, api?: 'v1' | 'instar/v1') => Promise<T>
  /** Where the processes keep what lives as long as they do. */
  readonly stateDir: string
  /** The folder of all of them: their command lines name it. */
  readonly dir: string
}

export interface ProcessesOptions {
  readonly apis: number
  readonly workers: number
  /** Start an API or a worker again when it was killed. */
  readonly revive: boolean
  /** In the place of a database on the server of the tests. */
  readonly database?: { readonly store: Store; readonly secretKey: string }
  /** What the workers offer; default the simulator. */
  readonly platforms?: string
}

const PASSWORD = 'open sesame'

export async function startProcesses(options: ProcessesOptions): Promise<Processes> {
  await using stack = new AsyncDisposableStack()
  const dir = stack.adopt(await mkdtemp(join(tmpdir(), 'instar-processes-')), path => rm(path, { recursive: true, force: true }))
  const store = options.database?.store ?? stack.use(await createTestStore())
  const cacheDir = process.env['INSTAR_CACHE_DIR']
  const env = {
    DATABASE_URL: store.url,
    INSTAR_SECRET_KEY: options.database?.secretKey ?? randomBytes(32).toString('base64'),
    INSTAR_ADMIN_PASSWORD: PASSWORD,
    INSTAR_WORKER_PLATFORMS: options.platforms ?? 'simulator',
    ...(cacheDir !== undefined && { INSTAR_CACHE_DIR: cacheDir }),
  }
  const apis = stack.use(new Fleet({ dir, role: 'api', count: options.apis, revive: options.revive, env }))
  const workers = stack.use(new Fleet({ dir, role: 'worker', count: options.workers, revive: options.revive, env }))
  await apis.start()
  await workers.start()
  const json = await logIn(() => [...apis.served.values()].map(urlOf))
  const owned = stack.move()
  return {
    store,
    platform: join(dir, 'platform'),
    apis: apis.served,
    workers: workers.served,
    deaths: () => apis.deaths + workers.deaths,
    revived: async () => {
      await apis.revived()
      await workers.revived()
    },
    json,
    stateDir: join(dir, 'state'),
    dir,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

interface FleetOptions {
  readonly dir: string
  readonly role: 'api' | 'worker'
  readonly count: number
  readonly revive: boolean
  readonly env: Record<string, string>
}

/** Processes of one role, each of which is started anew when it ends. */
class Fleet implements AsyncDisposable {
  readonly served = new Map<string, Served>()
  deaths = 0
  readonly #options: FleetOptions
  readonly #starting = new Set<Promise<void>>()
  #isEnding = false

  constructor(options: FleetOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    for (let number = 1; number <= this.#options.count; number += 1) await this.#startOne(`${this.#options.role}-${number}`)
  }

  async #startOne(name: string): Promise<void> {
    const { dir, role, env } = this.#options
    const served = await spawnServe(dir, ['--role', role, '--data-dir', join(dir, name)], { ...env, INSTAR_WORKER_NAME: name })
    this.served.set(name, served)
    void served.exited.then(() => {
      if (this.#isEnding) return
      this.deaths += 1
      if (this.#options.revive) this.#revive(name)
    })
  }

  /** Until it runs: it may come up while the database is away for longer than a start waits. */
  #revive(name: string): void {
    const starting = this.#startOne(name)
      .catch(() => {
        if (!this.#isEnding) this.#revive(name)
      })
      .finally(() => this.#starting.delete(starting))
    this.#starting.add(starting)
  }

  async revived(): Promise<void> {
    while (this.#starting.size > 0) await Promise.all(this.#starting)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true
    await Promise.all(this.#starting)
    await Promise.all([...this.served.values()].map(each => each[Symbol.asyncDispose]()))
  }
}

function urlOf({ greeting }: Served): string {
  return exported(greeting)['OS_AUTH_URL']!.replace('/identity/v3', '')
}

async function logIn(urlsNow: () => readonly string[]): Promise<Processes['json']> {
  const user = { name: 'admin', domain: { name: 'Default' }, password: PASSWORD }
  const answer = await fetch(`${urlsNow()[0]}/identity/v3/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      auth: {
        identity: { methods: ['password'], password: { user } },
        scope: { project: { name: 'admin', domain: { name: 'Default' } } },
      },
    }),
  })
  const token = answer.headers.get('x-subject-token') ?? ''
  const { token: told } = (await answer.json()) as { token: { project: { id: string } } }
  let turn = 0
  return async <T>(method: 'GET' | 'POST' | 'PUT', path: string, body?: object, api = 'v1'): Promise<T> => {
    const urls = urlsNow()
    const url = urls[turn++ % urls.length]
    const reply = await fetch(`${url}/${api}/${told.project.id}${path}`, {
      method,
      headers: { 'x-auth-token': token, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${await reply.text()}`)
    return (await reply.json()) as T
  }
}

/** Two endpoints on the simulated platform, with more settings of it. */
export async function addEndpoints({ json, platform }: Processes, machines: number, more: object = {}) {
  const add = async (name: string) => {
    const connection_info = { folder: platform, machines, ...(name === 'new' && { prefix: 'other-' }), ...more }
    const endpoint = { name, type: 'simulator', connection_info }
    return (await json<{ endpoint: { id: string } }>('POST', '/endpoints', { endpoint })).endpoint.id
  }
  return { origin: await add('old'), destination: await add('new') }
}

/** Waits for the end of an execution or deployment and gives its status. */
export async function untilEnded({ store }: Processes, actionId: string, limitMs: number): Promise<string> {
  for (const end = performance.now() + limitMs; ; await sleep(200)) {
    const { last_execution_state: state } = await store.db
      .selectFrom('actions')
      .select('last_execution_state')
      .where('id', '=', actionId)
      .executeTakeFirstOrThrow()
    if (state !== null && !['running', 'cancelling', 'awaiting_minions'].includes(state)) return state
    if (performance.now() > end) throw new Error(`${actionId} is still ${state} after ${limitMs / 1000} s`)
  }
}

/** Waits for an end that must be a success; else the error has what each task said. */
export async function untilCompleted(processes: Processes, actionId: string, limitMs: number): Promise<void> {
  const state = await untilEnded(processes, actionId, limitMs)
  if (state === 'completed') return
  const tasks = await processes.store.db
    .selectFrom('tasks')
    .innerJoin('executions', 'executions.id', 'tasks.execution_id')
    .select(['type', 'instance', 'tasks.state', 'reason'])
    .where('action_id', '=', actionId)
    .where('reason', 'is not', null)
    .where('tasks.state', 'not in', ['skipped', 'completed_late'])
    .execute()
  throw new Error([`${actionId} is ${state}`, ...tasks.map(task => Object.values(task).join(' '))].join('\n'))
}

const IDLE_PAUSE_MS = 100

/** Until neither a transfer or pool nor one of its deployments has anything to do. */
export async function untilIdle({ store }: Processes, actionId: string): Promise<void> {
  for (;;) {
    const busy = await store.retry(
      () =>
        store.db
          .selectFrom('actions')
          .leftJoin('deployments', 'deployments.id', 'actions.id')
          .leftJoin('executions', join => join.onRef('executions.action_id', '=', 'actions.id').on('executions.ended_at', 'is', null))
          .select('actions.id')
          .where(eb => eb.or([eb('actions.id', '=', actionId), eb('deployments.transfer_id', '=', actionId)]))
          .where(eb =>
            eb.or([
              eb('executions.id', 'is not', null),
              // An automatic deployment that has not begun.
              eb.and([eb('last_execution_state', 'is', null), eb('deployments.id', 'is not', null)]),
            ]),
          )
          .execute(),
      AbortSignal.timeout(600_000),
    )
    if (busy.length === 0) return
    await sleep(IDLE_PAUSE_MS)
  }
}
