import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, test } from 'node:test'
import { createTestServer, type TestServer } from '../testing/test-server.ts'

// A Keystone of our own on loopback: it knows the tokens in `good`, and counts what it is asked.

const project = { id: 'a'.repeat(32), name: 'ours', domain: { id: 'default', name: 'Default' } }
const user = { id: 'b'.repeat(32), name: 'ann', domain: project.domain }
const good = new Map<string, { roles: string[]; expires_at?: string }>()
const asked: string[] = []
let catalog: object[] = []
let isDown = false

const keystone = createHttpServer((request, response) => {
  asked.push(`${request.method} ${request.url}`)
  const [status, body, headers] = isDown ? [500, {}, {}] : answer(request)
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
})

function answer(request: IncomingMessage): [number, object, Record<string, string>] {
  if (request.method === 'POST') return [201, {}, { 'x-subject-token': 'service' }]
  if (request.url?.startsWith('/v3/role_assignments')) return [200, { role_assignments: [{ role: { id: '1', name: 'Member' } }] }, {}]
  const known = good.get(String(request.headers['x-subject-token']))
  if (known === undefined) return [404, {}, {}]
  const expires_at = known.expires_at ?? new Date(Date.now() + 3_600_000).toISOString()
  const roles = known.roles.map(name => ({ id: name, name }))
  return [200, { token: { methods: ['password'], user, project, roles, catalog, audit_ids: [], issued_at: '', expires_at } }, {}]
}

let server: TestServer
let time = Date.now()
before(async () => {
  keystone.listen(0, '127.0.0.1')
  await once(keystone, 'listening')
  const url = `http://127.0.0.1:${(keystone.address() as AddressInfo).port}/v3`
  const serviceUser = { name: 'instar', password: 'p', domain: 'Default', project: 'service' }
  server = await createTestServer({
    now: () => new Date(time),
    ask: async () => ({ valid: true, message: null }),
    settings: { keystone: { url, believedMs: 10_000, serviceUser } },
  })
})
after(async () => {
  await server[Symbol.asyncDispose]()
  keystone.close()
})
beforeEach(() => {
  good.clear()
  asked.length = 0
  isDown = false
  // Nothing that an earlier test was told is believed any more.
  time += 60_000
})

const list = (token?: string) =>
  server.request({ method: 'GET', url: `/v1/${project.id}/endpoints`, ...(token === undefined ? {} : { token }) })

test('a token is validated there, and believed for a short time', async () => {
  good.set('t', { roles: ['Reader'] })

  for (let round = 0; round < 3; round += 1) assert.equal((await list('t')).statusCode, 200)

  assert.deepEqual(asked, ['GET /v3/auth/tokens'])
})

test('a revoked token is refused once it is not believed any more', async () => {
  good.set('t', { roles: ['member'] })
  assert.equal((await list('t')).statusCode, 200)

  good.clear()
  time += 10_001

  assert.equal((await list('t')).statusCode, 401)
})

test('unknown, absent and expired tokens are refused', async () => {
  good.set('old', { roles: ['member'], expires_at: new Date(time - 1).toISOString() })
  for (const token of [undefined, 'unknown', 'old']) {
    const answer = await list(token)
    assert.equal(answer.statusCode, 401)
    assert.match(String(answer.headers['www-authenticate']), /^Keystone uri="http:\/\/127\.0\.0\.1/)
  }
})

test('its roles count as ours do, whatever their case; others count for nothing', async () => {
  good.set('reader', { roles: ['READER'] }).set('other', { roles: ['heat_stack_user'] })
  const create = (token: string) =>
    server.request({ method: 'POST', url: '/v1/endpoints', token, payload: { endpoint: { name: 'x', type: 'y', connection_info: {} } } })

  assert.equal((await create('reader')).statusCode, 403)
  assert.equal((await list('other')).statusCode, 403)
})

test('while it fails, requests are answered with 503 and not let in', async () => {
  good.set('t', { roles: ['admin'] })
  isDown = true

  assert.equal((await list('t')).statusCode, 503)
})

test('roles for background work are looked up by the service user', async () => {
  const { createKeystoneIdentity } = await import('./keystone.ts')
  await using identity = createKeystoneIdentity({ settings: server.deps.settings.keystone!, now: server.deps.now, log: server.deps.log })

  assert.deepEqual(await identity.rolesOf(user.id, project.id, AbortSignal.timeout(5_000)), ['member'])
  assert.deepEqual(
    asked.map(line => line.split('?')[0]),
    ['POST /v3/auth/tokens', 'GET /v3/role_assignments'],
  )
})

test('there is no log-in of our own beside it', async () => {
  assert.equal((await server.request({ method: 'POST', url: '/identity/v3/auth/tokens', payload: {} })).statusCode, 404)
})

test("connection data in a key manager is read from the catalog's one, with the user's token", async () => {
  const seen: unknown[] = []
  const barbican = createHttpServer((request, response) => {
    seen.push([request.url, request.headers['x-auth-token']])
    response.end('{"folder": "/x"}')
  }).listen(0, '127.0.0.1')
  await once(barbican, 'listening')
  const url = `http://127.0.0.1:${(barbican.address() as AddressInfo).port}`
  catalog = [
    { type: 'key-manager', name: 'barbican', id: 'k', endpoints: [{ id: 'e', interface: 'public', region: 'R', region_id: 'R', url }] },
  ]
  good.set('secretive', { roles: ['member'] })
  const secret_ref = `${url}/v1/secrets/00000000-0000-4000-8000-000000000001`
  const endpoint = { name: 'kept', type: 'nowhere', connection_info: { secret_ref } }
  const path = `/v1/${project.id}/endpoints`
  const made = await server.request({ method: 'POST', url: path, token: 'secretive', payload: { endpoint } })
  const { id } = made.json<{ endpoint: { id: string } }>().endpoint

  await server.request({ method: 'POST', url: `${path}/${id}/actions`, token: 'secretive', payload: { 'validate-connection': null } })

  assert.deepEqual(seen, [['/v1/secrets/00000000-0000-4000-8000-000000000001/payload', 'secretive']])
  barbican.close()
})
