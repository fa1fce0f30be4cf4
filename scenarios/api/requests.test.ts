import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { encodeBase64Text } from '@instar/contract/api'
import type { Session, TestServer } from '@instar/server/testing'
import { makeWorld, startCannedService, type World } from './world.ts'

let server: TestServer
let admin: Session
let world: World
before(async () => {
  server = await startCannedService()
  admin = await server.logIn()
  world = await makeWorld(server, admin)
})
after(() => server[Symbol.asyncDispose]())

const send = (method: 'GET' | 'POST' | 'PUT', url: string, payload?: string, headers: Record<string, string> = {}) =>
  server.request({
    method,
    url,
    token: admin.token,
    ...(payload === undefined ? {} : { payload, headers: { 'content-type': 'application/json', ...headers } }),
  })
const list = async (query: string) => send('GET', `/v1/transfers${query}`)

describe('a bad request gets an error of the contract, with what is wrong', () => {
  const endpoint = (info: string) => `{"endpoint":{"name":"x","type":"y","connection_info":${info}}}`
  const deep = `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`
  const rows: [string, string, string | undefined, RegExp, number?][] = [
    ['no body', '/v1/endpoints', undefined, /a JSON body is needed/],
    ['not JSON', '/v1/endpoints', '{', /it is not JSON/],
    ['no envelope', '/v1/endpoints', '{}', /the key \\"endpoint\\" is missing/],
    ['a missing key', '/v1/endpoints', '{"endpoint":{"name":"x","type":"y"}}', /\\"endpoint.connection_info\\" is missing/],
    ['a wrong type', '/v1/endpoints', endpoint('[]'), /connection_info\\" is a list, not record/],
    ['a NUL character', '/v1/endpoints', endpoint('{"a":"\\u0000"}'), /NUL/],
    ['half a surrogate pair', '/v1/endpoints', endpoint('{"a":"\\ud800"}'), /surrogate/],
    ['a key into prototypes', '/v1/endpoints', endpoint('{"__proto__":{}}'), /__proto__/],
    ['deep nesting', '/v1/endpoints', endpoint(deep), /32 levels/],
    [
      'a long name',
      '/v1/endpoints',
      `{"endpoint":{"name":"${'x'.repeat(256)}","type":"y","connection_info":{}}}`,
      /more characters than 255/,
    ],
    ['too large a body', '/v1/endpoints', endpoint(`{"a":"${'x'.repeat(17 * 1024 * 1024)}"}`), /too large/, 413],
    ['two actions', `/v1/endpoints/EP1/actions`, '{"a":1,"b":2}', /exactly one key/],
    ['an unknown action', `/v1/endpoints/EP1/actions`, '{"explode":null}', /no such action: explode/],
    [
      'an unknown region',
      '/v1/endpoints',
      '{"endpoint":{"name":"x","type":"y","connection_info":{},"mapped_regions":["r"]}}',
      /region r was not found/,
      404,
    ],
    ['an unknown route', '/v1/nothing', '{}', /there is no POST/, 404],
    ['a path that cannot be read', '/v1/endpoints/%zz', '{}', /malformed request/],
    ['a path without end', `/v1/endpoints/${'x'.repeat(9000)}`, '{}', /malformed request/],
    ['an invented scenario', '/v1/transfers', '{"transfer":{"scenario":"x"}}', /is \\"x\\"; there are replica, live_migration/],
    ['a slash at the end', '/v1/endpoints/', '{}', /there is no POST/, 404],
  ]
  for (const [name, url, body, message, status = 400] of rows) {
    test(name, async () => {
      const answer = await send('POST', url.replace('EP1', world.ids.EP1), body)
      assert.equal(answer.statusCode, status, answer.body.slice(0, 300))
      assert.match(answer.body, message)
      const { error } = answer.json<{ error: { code: number; instar: { hint: string } } }>()
      assert.equal(error.code, status)
      assert.ok(error.instar.hint.length > 0)
    })
  }

  test('bytes that are not UTF-8', async () => {
    const payload = Buffer.from(endpoint('{"a":"caf\xe9"}'), 'latin1')
    const answer = await server.request({
      method: 'POST',
      url: '/v1/endpoints',
      token: admin.token,
      payload,
      headers: { 'content-type': 'application/json' },
    })
    assert.equal(answer.statusCode, 400)
    assert.match(answer.body, /not UTF-8/)
  })

  test('a form instead of JSON', async () => {
    assert.equal((await send('POST', '/v1/endpoints', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' })).statusCode, 400)
  })

  test('an environment that is no base64, no JSON, no object', async () => {
    for (const env of ['%%%25', encodeBase64Text('{'), encodeBase64Text('[]')]) {
      assert.equal((await send('GET', `/v1/endpoints/${world.ids.EP1}/instances?env=${env}`)).statusCode, 400, env)
    }
  })
})

describe('a list', () => {
  let newestFirst: string[]
  before(async () => {
    newestFirst = (await list('')).json<{ transfers: { id: string }[] }>().transfers.map(({ id }) => id)
    for (let more = newestFirst.length; more < 5; more += 1) {
      const transfer = { origin_endpoint_id: world.ids.EP1, destination_endpoint_id: world.ids.EP2, instances: ['x'], notes: `n${more}` }
      await send('POST', '/v1/transfers', JSON.stringify({ transfer }))
    }
    newestFirst = (await list('')).json<{ transfers: { id: string }[] }>().transfers.map(({ id }) => id)
  })
  const ids = async (query: string) => (await list(query)).json<{ transfers: { id: string }[] }>().transfers.map(({ id }) => id)

  test('comes newest first, and page after page without a gap', async () => {
    assert.equal(newestFirst.length, 5)
    const seen: string[] = []
    for (let page = await ids('?limit=2'); page.length > 0; page = await ids(`?limit=2&marker=${page.at(-1)}`)) seen.push(...page)
    assert.deepEqual(seen, newestFirst)
  })

  test('is sorted as asked, under both names of the parameters', async () => {
    const byId = newestFirst.toSorted()
    assert.deepEqual(await ids('?sort_key=id&sort_dir=asc'), byId)
    assert.deepEqual(await ids('?sort_keys=id&sort_dirs=asc'), byId)
    assert.deepEqual(await ids('?sort_key=id'), byId.toReversed())
  })

  test('is filtered by status, and refuses an invented one', async () => {
    assert.deepEqual(await ids('?status=COMPLETED'), [world.ids.TRANSFER])
    assert.equal((await ids('?status=UNEXECUTED')).length, 4)
    assert.deepEqual(await ids('?status=DEADLOCKED'), [])
    assert.equal((await list('?status=DREAMING')).statusCode, 400)
  })

  test('refuses what it cannot do', async () => {
    for (const query of ['?limit=x', '?limit=-1', '?sort_key=nothing', '?sort_dir=up', '?sort_dir=asc&sort_dir=asc', '?marker=unknown']) {
      assert.equal((await list(query)).statusCode, 400, query)
    }
    assert.deepEqual(await ids('?limit=0'), [])
  })
})

test('a path may leave the project out, end in .json, or begin as the web UI has it', async () => {
  for (const url of ['/v1/endpoints', `/v1/${admin.projectId}/endpoints.json`, `/coriolis/${admin.projectId}/endpoints`]) {
    assert.equal((await send('GET', url)).statusCode, 200, url)
  }
  assert.equal((await send('GET', '/v1')).statusCode, 302)
})

test('an endpoint whose connection comes back masked keeps its secret', async () => {
  const url = `/v1/endpoints/${world.ids.EP1}`
  await send('PUT', url, '{"endpoint":{"connection_info":{"host":"new","password":"***"}}}')

  const { endpoint } = (await send('GET', url)).json<{ endpoint: { connection_info: object } }>()

  assert.deepEqual(endpoint.connection_info, { host: 'new', password: 'canary' })
})

test('two endpoints with one connection are one place, whatever the order of its keys', async () => {
  const create = async (info: string) => {
    const answer = await send('POST', '/v1/endpoints', `{"endpoint":{"name":"twin","type":"test-src","connection_info":${info}}}`)
    return answer.json<{ endpoint: { id: string } }>().endpoint.id
  }
  const [one, other] = [await create('{"host":"h","port":1}'), await create('{"port":1,"host":"h"}')]
  const transfer = { origin_endpoint_id: one, destination_endpoint_id: other, instances: ['vm1'] }

  const answer = await send('POST', '/v1/transfers', JSON.stringify({ transfer }))

  assert.equal(answer.statusCode, 400)
  assert.match(answer.body, /the same place/)
})

test('a pool that morphs the machines of a transfer is not deleted under it', async () => {
  const pool = world.pools.destination
  const transfer = {
    origin_endpoint_id: world.ids.EP1,
    destination_endpoint_id: world.ids.EP2,
    instances: ['vm1'],
    instance_osmorphing_minion_pool_mappings: { vm1: pool },
  }
  const created = (await send('POST', '/v1/transfers', JSON.stringify({ transfer }))).json<{ transfer: { id: string } }>()
  await server.store.db.updateTable('minion_pools').set({ status: 'DEALLOCATED' }).where('id', '=', pool).execute()

  const answer = await server.request({ method: 'DELETE', url: `/v1/minion_pools/${pool}`, token: admin.token })

  assert.equal(answer.statusCode, 400)
  assert.ok(answer.body.includes(created.transfer.id), answer.body)
})

describe('a deployment without OS morphing', () => {
  const scripts = { global: { linux: [{ phase: 'osmorphing_post_os_mount', payload: 'echo a' }] } }
  let transferId: string
  before(async () => {
    const transfer = {
      origin_endpoint_id: world.ids.EP1,
      destination_endpoint_id: world.ids.EP2,
      instances: ['vm1'],
      user_scripts: scripts,
      skip_os_morphing: true,
    }
    transferId = (await send('POST', '/v1/transfers', JSON.stringify({ transfer }))).json<{ transfer: { id: string } }>().transfer.id
  })
  const deploy = async (user_scripts: object) => {
    const deployment = { transfer_id: transferId, skip_os_morphing: true, user_scripts }
    return send('POST', '/v1/deployments', JSON.stringify({ deployment }))
  }

  test("takes the transfer's own scripts, which a web console sends along, and goes on to the next check", async () => {
    const { transfer } = (await send('GET', `/v1/transfers/${transferId}`)).json<{ transfer: { user_scripts: object } }>()

    const answer = await deploy(transfer.user_scripts)

    assert.equal(answer.statusCode, 400)
    assert.match(answer.body, /no successful execution yet/)
  })

  test('refuses other scripts, which nothing would run', async () => {
    const answer = await deploy({ global: { linux: [{ phase: 'osmorphing_post_os_mount', payload: 'echo b' }] } })

    assert.equal(answer.statusCode, 400)
    assert.match(answer.body, /skip_os_morphing leaves out/)
  })
})
