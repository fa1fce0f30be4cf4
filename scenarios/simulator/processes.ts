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
  readonly apis: readonly Served[]
  /** Those that run now, by name; one that ended is replaced when `revive` was asked for. */
  readonly workers: ReadonlyMap<string, Served>
  /** How often a worker ended. */
  readonly deaths: () => number
  /** A request to the v1 API of one of the processes in turn, or with `api` to what stands beside it. */
  readonly json: <T>(method: 'GET' | 'POST', path: string, body?: object, api?: 'v1' | 'instar/v1') => Promise<T>
  /** Where the processes keep what lives as long as they do. */
  readonly stateDir: string
}

export interface ProcessesOptions {
  readonly apis: number
  readonly workers: number
  /** Start a worker again when it was killed. */
  readonly revive: boolean
  /** What the workers offer; default the simulator. */
  readonly platforms?: string
}

const PASSWORD = 'open sesame'

export async function startProcesses(options: ProcessesOptions): Promise<Processes> {
  await using stack = new AsyncDisposableStack()
  const dir = stack.adopt(await mkdtemp(join(tmpdir(), 'instar-processes-')), path => rm(path, { recursive: true, force: true }))
  const store = stack.use(await createTestStore())
  const cacheDir = process.env['INSTAR_CACHE_DIR']
  const shared = {
    DATABASE_URL: store.url,
    INSTAR_SECRET_KEY: randomBytes(32).toString('base64'),
    INSTAR_ADMIN_PASSWORD: PASSWORD,
    ...(cacheDir !== undefined && { INSTAR_CACHE_DIR: cacheDir }),
  }
  const apis: Served[] = []
  for (let number = 1; number <= options.apis; number += 1) {
    apis.push(stack.use(await spawnServe(dir, ['--role', 'api', '--data-dir', join(dir, `api-${number}`)], shared)))
  }
  const workers = new Map<string, Served>()
  let deaths = 0
  let isEnding = false
  const startWorker = async (name: string): Promise<void> => {
    const env = { ...shared, INSTAR_WORKER_PLATFORMS: options.platforms ?? 'simulator', INSTAR_WORKER_NAME: name }
    const served = await spawnServe(dir, ['--role', 'worker', '--data-dir', join(dir, name)], env)
    workers.set(name, served)
    void served.exited.then(async () => {
      if (isEnding) return
      deaths += 1
      if (options.revive) await startWorker(name)
    })
  }
  stack.defer(async () => {
    isEnding = true
    await Promise.all([...workers.values()].map(worker => worker[Symbol.asyncDispose]()))
  })
  for (let number = 1; number <= options.workers; number += 1) await startWorker(`worker-${number}`)
  const json = await logIn(apis.map(({ greeting }) => exported(greeting)['OS_AUTH_URL']!.replace('/identity/v3', '')))
  const owned = stack.move()
  return {
    store,
    platform: join(dir, 'platform'),
    apis,
    workers,
    deaths: () => deaths,
    json,
    stateDir: join(dir, 'state'),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function logIn(urls: readonly string[]): Promise<Processes['json']> {
  const user = { name: 'admin', domain: { name: 'Default' }, password: PASSWORD }
  const answer = await fetch(`${urls[0]}/identity/v3/auth/tokens`, {
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
  return async <T>(method: 'GET' | 'POST', path: string, body?: object, api = 'v1'): Promise<T> => {
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

/** Two endpoints on the simulated platform. */
export async function addEndpoints({ json, platform }: Processes, machines: number): Promise<{ origin: string; destination: string }> {
  const add = async (name: string) => {
    const connection_info = { folder: platform, machines, ...(name === 'new' && { prefix: 'other-' }) }
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
