import { once } from 'node:events'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { createClient } from '@instar/contract/api'
import { serveApi } from '@instar/server'
import { openStore } from '@instar/store'
import type { Load, Outcome } from './api-load-child.fixture.ts'
import { median } from './measure.ts'
import type { Row } from './report.ts'

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const PASSWORD = 'bench password'
const CONNECTIONS = 20
const SECONDS = 3

/** The API on one embedded PostgreSQL, over loopback, with the load in a thread of its own. */
export async function benchApi({ work, runs }: { work: string; runs: number }): Promise<Row[]> {
  const dataDir = join(work, 'api')
  mkdirSync(dataDir)
  chmodSync(work, 0o755)
  const signal = AbortSignal.timeout(600_000)
  await using store = await openStore({ dataDir, secretKey: Buffer.alloc(32, 7).toString('hex'), log, signal })
  await using api = await serveApi({
    store,
    log,
    address: { host: '127.0.0.1', port: 0 },
    adminPassword: PASSWORD,
    settings: { publicUrl: undefined, tokenLifetimeMs: 3_600_000 },
  })
  const { token, projectId } = await logIn(api.url)
  const client = createClient<AbortSignal>({ fetch, baseUrl: api.url, token: async () => token, projectId })
  const transfer = await prepare(store, client, projectId)
  const created: number[] = []
  for (let at = 0; at < 20 + 20 * runs; at += 1) {
    const begin = performance.now()
    await client.call('transfers.create', { body: { transfer } })
    created.push(performance.now() - begin)
  }
  const request = `GET /v1/${projectId}/transfers?limit=20 HTTP/1.1\r\nHost: bench\r\nX-Auth-Token: ${token}\r\n\r\n`
  const load = { port: Number(new URL(api.url).port), request, connections: CONNECTIONS, seconds: SECONDS }
  await put(load)
  const outcomes: Outcome[] = []
  for (let at = 0; at < runs; at += 1) outcomes.push(await put(load))
  return [
    {
      name: `API: lists of 20 transfers a second, ${CONNECTIONS} connections`,
      value: `${Math.round(median(outcomes.map(({ perSecond }) => perSecond)))}`,
      target: '2,000',
    },
    {
      name: 'API: the slowest of a hundred of them',
      value: `${median(outcomes.map(({ p99Ms }) => p99Ms)).toFixed(1)} ms`,
      target: '20 ms',
    },
    { name: 'API: creation of a transfer', value: `${median(created.slice(20)).toFixed(1)} ms` },
  ]
}

async function logIn(url: string): Promise<{ token: string; projectId: string }> {
  const domain = { id: 'default' }
  const identity = { methods: ['password'], password: { user: { name: 'admin', domain, password: PASSWORD } } }
  const client = createClient<AbortSignal>({ fetch, baseUrl: url })
  const { answer, headers } = await client.call('tokens.create', {
    body: { auth: { identity, scope: { project: { name: 'admin', domain } } } },
  })
  return { token: headers.get('x-subject-token') ?? '', projectId: answer.token.project?.id ?? '' }
}

type BenchClient = ReturnType<typeof createClient<AbortSignal>>
type BenchStore = Awaited<ReturnType<typeof openStore>>

/** Two endpoints on a platform that a worker is said to offer; gives a transfer between them. */
async function prepare({ db }: BenchStore, client: BenchClient, projectId: string) {
  const schema = { type: 'object', properties: { zone: { type: 'string' } } }
  const offer = { types: [4, 8], schemas: { source_environment_schema: schema, destination_environment_schema: schema } }
  const worker = {
    id: crypto.randomUUID(),
    host: 'bench',
    binary_name: 'bench',
    topic: 'bench',
    specs: '{}',
    beat_at: new Date(Date.now() + 3_600_000),
  }
  await db
    .insertInto('workers')
    .values({ ...worker, providers: JSON.stringify({ bench: offer }) })
    .execute()
  const endpoint = async (name: string) => {
    const body = { endpoint: { name, type: 'bench', connection_info: { name, project: projectId } } }
    return (await client.call('endpoints.create', { body })).answer.endpoint.id
  }
  return {
    origin_endpoint_id: await endpoint('origin'),
    destination_endpoint_id: await endpoint('destination'),
    instances: ['web-01'],
    source_environment: { zone: 'a' },
    destination_environment: { zone: 'b' },
    network_map: { 'VM Network': 'net-7' },
    storage_mappings: { default: 'ssd' },
    notes: 'bench',
    user_scripts: { global: { linux: '#!/bin/sh\nexit 0\n' } },
  }
}

async function put(load: Load): Promise<Outcome> {
  const worker = new Worker(new URL('./api-load-child.fixture.ts', import.meta.url), { workerData: load })
  const [outcome] = (await once(worker, 'message')) as [Outcome]
  await worker.terminate()
  return outcome
}
