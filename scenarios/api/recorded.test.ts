import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Session, TestServer } from '@instar/server/testing'
import { makeWorld, startCannedService, type World } from './world.ts'

// Every request that Coriolis' own client was seen to make, made again: the answer must hold what the client's tables need.

interface RecordedRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly accept?: string
  readonly body: unknown
  readonly minimal_response?: { readonly status_used: number; readonly body: unknown; readonly may_be_null?: readonly string[] } | null
}

interface RecordedCommand {
  readonly id: string
  readonly requests: readonly RecordedRequest[]
}

const file = await readFile(new URL('client-requests.json', import.meta.url), 'utf8')
const { commands } = JSON.parse(file) as { commands: readonly RecordedCommand[] }

/** What the real server refuses as well (coriolis-api.md), with the reason that ours must give. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  'script-transfer-create-g-other-os': /unknown OS type \\"other\\"/,
  'script-transfer-update-g-other-os': /unknown OS type \\"other\\"/,
  'script-deployment-create-g-other-os': /unknown OS type \\"other\\"/,
  'script-transfer-create-g-empty-file': /empty payload/,
  'script-transfer-update-g-empty-file': /empty payload/,
  'script-deployment-create-g-empty-file': /empty payload/,
  'pool-update': /minimum_minions\\" is less than 1/,
  'endpoint-update-name': /endpoint ep1 was not found/,
}

/** Commands that work on something that runs at this moment. */
const RUNNING = ['execution-cancel', 'execution-cancel-force', 'deployment-cancel', 'deployment-cancel-force']
const ALLOCATED = ['pool-refresh', 'pool-deallocate', 'pool-deallocate-force']

let server: TestServer
let admin: Session
let folder: string
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'instar-logs-'))
  await writeFile(join(folder, 'coriolis-api.log'), '{"time":1700000100000,"level":30,"msg":"hello"}\n')
  server = await startCannedService(folder)
  admin = await server.logIn()
})
after(async () => {
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const inScope = commands.filter(({ id, requests }) => requests.length > 0 && !id.startsWith('licensing-'))

test('the recording holds what it should', () => {
  assert.ok(inScope.length > 150)
})

for (const { id, requests } of inScope) {
  test(id, async () => {
    const poolStatus = ALLOCATED.includes(id) ? 'ALLOCATED' : 'DEALLOCATED'
    const isBare = id.startsWith('endpoint-delete')
    const world = await makeWorld(server, admin, { isBare, isRunning: RUNNING.includes(id), poolStatus })
    for (const request of requests) await replay(id, request, world)
  })
}

async function replay(id: string, request: RecordedRequest, world: World): Promise<void> {
  const fill = (text: string) => fillIn(text, world)
  const body = request.body === null ? undefined : (JSON.parse(fill(JSON.stringify(request.body))) as object)
  const answer = await server.request({
    method: request.method,
    url: fill(request.path).replace('/logger/api/v1/', '/logger/v1/'),
    token: admin.token,
    headers: { accept: request.accept ?? '*/*' },
    ...(body === undefined ? {} : { payload: body }),
  })
  const refused = REFUSED[id]
  if (refused !== undefined) {
    assert.ok(answer.statusCode >= 400 && answer.statusCode < 500, answer.body)
    assert.match(answer.body, refused)
    return
  }
  assert.ok(answer.statusCode < 300, `${request.method} ${request.path}: ${answer.statusCode} ${answer.body}`)
  assert.match(String(answer.headers['x-openstack-request-id']), /^req-/)
  const minimal = request.minimal_response
  if (minimal === null || minimal === undefined || request.method === 'DELETE' || minimal.status_used === 202) return
  if (typeof minimal.body !== 'object' || minimal.body === null) return
  requireFields({ wanted: minimal.body, given: answer.json<unknown>(), mayBeNull: minimal.may_be_null ?? [] }, '')
}

/** Placeholders and the recording's own names of regions, pools and pages, with ids of the world. */
function fillIn(text: string, { ids, pools }: World): string {
  return text
    .replaceAll(/\{([A-Z][A-Z0-9_]*)\}/g, (_, name: string) => ids[name as keyof World['ids']])
    .replaceAll('{project_id}', admin.projectId)
    .replaceAll('"host":"h"', `"host":"${ids.SERVICE}"`)
    .replaceAll('"r1"', `"${ids.REGION}"`)
    .replaceAll('"r2"', `"${ids.REGION}"`)
    .replaceAll(
      /"(origin_minion_pool_id|destination_minion_pool_id|vm1)":"p\d"/g,
      (_, key: string) => `"${key}":"${key.startsWith('origin') ? pools.source : pools.destination}"`,
    )
    .replace(/\/(transfers|deployments|executions)\?marker=m/, (_, list: string) => `/${list}?marker=${markerOf(list, ids)}`)
}

function markerOf(list: string, ids: World['ids']): string {
  return list === 'transfers' ? ids.TRANSFER : list === 'deployments' ? ids.DEPLOYMENT : ids.EXECUTION
}

interface Comparison {
  readonly wanted: unknown
  readonly given: unknown
  readonly mayBeNull: readonly string[]
}

/** Every key of the smallest answer that the client takes is there, and not null where it takes none. */
function requireFields({ wanted, given, mayBeNull }: Comparison, path: string): void {
  if (given === null || wanted === null) {
    assert.ok(wanted === null || mayBeNull.includes(path), `${path} is null`)
    return
  }
  if (Array.isArray(wanted)) {
    assert.ok(Array.isArray(given), `${path} is no list`)
    const first: unknown = given[0]
    if (first !== undefined && wanted[0] !== undefined) requireFields({ wanted: wanted[0], given: first, mayBeNull }, `${path}.0`)
    return
  }
  if (typeof wanted !== 'object') return
  for (const [key, inner] of Object.entries(wanted)) {
    const at = path === '' ? key : `${path}.${key}`
    // Keys that stand for names of the user's: platforms, packages, network cards.
    if (/^(providers|schemas)\.\w+/.test(at) && !Object.hasOwn(given as object, key)) continue
    assert.ok(Object.hasOwn(given as object, key), `${at} is missing in ${JSON.stringify(given)}`)
    requireFields({ wanted: inner, given: (given as Record<string, unknown>)[key], mayBeNull }, at)
  }
}
