import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { startService, type Service } from './service.ts'

// Connection data in a key manager: a server of the documented Barbican API, GET /v1/secrets/{id}/payload.

const CANARY = 'canary-6d1f'
const ids = {
  good: '00000000-0000-4000-8000-000000000001',
  other: '00000000-0000-4000-8000-000000000002',
  text: '00000000-0000-4000-8000-000000000003',
  moved: '00000000-0000-4000-8000-000000000004',
}
const secrets = new Map<string, string>()
const asked: { url: string; token: unknown; accept: unknown }[] = []
let isAway = false
const barbican = createServer((request, response) => {
  asked.push({ url: request.url!, token: request.headers['x-auth-token'], accept: request.headers.accept })
  if (isAway) return void response.writeHead(503).end()
  if (request.headers['x-auth-token'] === undefined) return void response.writeHead(401).end()
  const [, id = ''] = /^\/key-manager\/v1\/secrets\/([^/]+)\/payload$/.exec(request.url!) ?? []
  if (id === ids.moved) return void response.writeHead(302, { location: `http://127.0.0.1:${foreignPort}/` }).end()
  const payload = secrets.get(id)
  if (payload === undefined) return void response.writeHead(404).end('{"code": 404, "title": "Not Found"}')
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(payload)
})
let foreignHits = 0
const foreign = createServer((_, response) => {
  foreignHits += 1
  response.end('{}')
})
const portOf = (server: typeof barbican) => (server.address() as AddressInfo).port
let base: string
let foreignPort: number
let service: Service

before(async () => {
  for (const server of [barbican, foreign]) await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  base = `http://127.0.0.1:${portOf(barbican)}/key-manager`
  foreignPort = portOf(foreign)
  service = await startService({ settings: { keyManagerUrl: `${base}/v1/` } })
})
after(async () => {
  await service[Symbol.asyncDispose]()
  barbican.close()
  foreign.close()
})

const refOf = (id: string) => `${base}/v1/secrets/${id}`

async function makeEndpoint(secret_ref: string, of: Service = service): Promise<string> {
  const endpoint = { name: 'kept', type: 'simulator', connection_info: { secret_ref } }
  return (await of.json<{ endpoint: { id: string } }>('POST', '/endpoints', { body: { endpoint } })).endpoint.id
}

async function validate(id: string, of: Service = service): Promise<{ valid: boolean; message: string | null }> {
  const answer = await of.json<{ 'validate-connection': { valid: boolean; message: string | null } }>('POST', `/endpoints/${id}/actions`, {
    body: { 'validate-connection': null },
  })
  return answer['validate-connection']
}

test("the data is read with the user's token, used, shown to nobody and stored sealed", async () => {
  const { origin } = await service.makeTransfer()
  const { endpoint } = await service.json<{ endpoint: { connection_info: Record<string, unknown> } }>('GET', `/endpoints/${origin}`)
  secrets.set(ids.good, JSON.stringify({ ...endpoint.connection_info, password: CANARY }))
  const id = await makeEndpoint(refOf(ids.good))

  assert.deepEqual(await validate(id), { valid: true, message: null })
  assert.deepEqual(asked.at(-1), {
    url: `/key-manager/v1/secrets/${ids.good}/payload`,
    token: service.admin.token,
    accept: 'text/plain',
  })
  const listed = await service.ask('GET', '/endpoints')
  assert.ok(!listed.body.includes(CANARY) && !listed.body.includes('instar_read'), listed.body)
  assert.ok(listed.body.includes(refOf(ids.good)))
  const row = await service.server.store.db.selectFrom('endpoints').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  assert.ok(!row.connection_info.includes(CANARY) && !service.server.logged.join().includes(CANARY))
})

test('a transfer runs with it; what a changed secret says counts from the next execution on', async () => {
  const { origin, destination } = await service.makeTransfer()
  const { endpoint } = await service.json<{ endpoint: { connection_info: object } }>('GET', `/endpoints/${origin}`)
  secrets.set(ids.other, JSON.stringify(endpoint.connection_info))
  const transfer = {
    origin_endpoint_id: await makeEndpoint(refOf(ids.other)),
    destination_endpoint_id: destination,
    instances: ['vm-00001'],
  }
  const { id } = (await service.json<{ transfer: { id: string } }>('POST', '/transfers', { body: { transfer } })).transfer
  const run = async () => {
    const { execution } = await service.json<{ execution: { id: string } }>('POST', `/transfers/${id}/executions`, {
      body: { execution: {} },
    })
    const ended = await service.until<{ execution: { status: string } }>(`/transfers/${id}/executions/${execution.id}`, answer =>
      ['COMPLETED', 'ERROR'].includes(answer.execution.status),
    )
    return ended.execution
  }

  assert.equal((await run()).status, 'COMPLETED')
  secrets.set(ids.other, JSON.stringify({ ...endpoint.connection_info, faults: [{ task: 'GET_INSTANCE_INFO', kind: 'fail' }] }))
  assert.equal((await run()).status, 'ERROR')

  secrets.delete(ids.other)
  const answer = await service.ask('POST', `/transfers/${id}/executions`, { body: { execution: {} } })
  assert.equal(answer.statusCode, 422, answer.body)
  assert.match(answer.body, /endpoint\.secret-refused/)
})

test('no other host is asked: not one that the address names, nor one that the key manager points to', async () => {
  const before = asked.length
  for (const ref of [
    `http://127.0.0.1:${foreignPort}/key-manager/v1/secrets/${ids.good}`,
    `http://127.0.0.1:${portOf(barbican)}@127.0.0.1:${foreignPort}/key-manager/v1/secrets/${ids.good}`,
    `${base}/v1/secrets/../orders/${ids.good}`,
    `${base}/v1/secrets/${ids.good}/payload?x=/v1/secrets/${ids.good}`,
    'nonsense',
  ]) {
    const { valid, message } = await validate(await makeEndpoint(ref))
    assert.equal(valid, false)
    assert.match(message ?? '', /is no secret of the key manager http:\/\/127\.0\.0\.1:\d+\/key-manager\. Check the address/, ref)
  }
  assert.equal(asked.length, before)
  assert.match((await validate(await makeEndpoint(refOf(ids.moved)))).message ?? '', /gave no secret/)
  assert.equal(foreignHits, 0)
})

test('what cannot be read is told with a hint, and never quoted', async () => {
  secrets.set(ids.text, `${CANARY} {`)
  const text = await validate(await makeEndpoint(refOf(ids.text)))
  assert.match(text.message ?? '', /is no JSON object\. Check the address/)
  assert.ok(!(text.message ?? '').includes(CANARY))
  isAway = true
  assert.match((await validate(await makeEndpoint(refOf(ids.text)))).message ?? '', /gave no secret.*Check that the key manager runs/)
  isAway = false
  await using without = await startService()
  const { valid, message } = await validate(await makeEndpoint(refOf(ids.good), without), without)
  assert.equal(valid, false)
  assert.match(message ?? '', /lies in a key manager .* and none is configured\. Set key_manager\.url/)
})
