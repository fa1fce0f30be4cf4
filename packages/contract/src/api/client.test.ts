import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiError, createClient } from './client.ts'

function clientWith(answer: { status: number; body: unknown }) {
  const sent: { url: string; init: { method: string; headers: Record<string, string>; body?: string } }[] = []
  const client = createClient<AbortSignal>({
    baseUrl: 'http://h:1',
    projectId: 'p',
    token: async () => 'secret',
    fetch: async (url, init) => {
      sent.push({ url, init })
      const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body)
      return new Response(text, { status: answer.status, headers: { 'x-openstack-request-id': 'req-1' } })
    },
  })
  return { client, sent }
}

test('puts project, parameters and query into the URL, and the token into the header', async () => {
  const { client, sent } = clientWith({ status: 200, body: { executions: [] } })

  const { answer } = await client.call('executions.list', {
    params: { transfer_id: 'a/b' },
    query: { limit: 10, sort_key: ['number', 'id'] },
  })

  assert.deepEqual(answer.executions, [])
  assert.equal(sent[0]?.url, 'http://h:1/v1/p/transfers/a%2Fb/executions?limit=10&sort_key=number&sort_key=id')
  assert.equal(sent[0]?.init.headers['x-auth-token'], 'secret')
})

test('sends a body as JSON', async () => {
  const { client, sent } = clientWith({ status: 200, body: { region: {} } })

  await client.call('regions.create', { body: { region: { name: 'west' } } })

  assert.equal(sent[0]?.init.body, '{"region":{"name":"west"}}')
  assert.equal(sent[0]?.init.headers['content-type'], 'application/json')
})

test('throws what the service says of an error, with the id of the request', async () => {
  const { client } = clientWith({ status: 404, body: { error: { fault: 'itemNotFound', code: 404, message: 'no such region' } } })

  await assert.rejects(
    client.call('regions.show', { params: { region_id: 'x' } }),
    (error: unknown) =>
      error instanceof ApiError && error.status === 404 && error.message === 'no such region' && error.requestId === 'req-1',
  )
})

test('throws the status when a proxy answers in its own way', async () => {
  const { client } = clientWith({ status: 502, body: '<html>' })

  await assert.rejects(client.call('regions.list', {}), /answered 502/)
})
