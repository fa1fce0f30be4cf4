import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { encodeBase64Text, fullPath, mayAct, ROUTES, SURFACES, type Role, type Route, type RouteName } from '@instar/contract/api'
import type { Session, TestServer } from '@instar/server/testing'
import { makeWorld, startCannedService, type World } from './world.ts'

// Every route of the table, with every role, without a token, and with the token of another project. A new route is tried by itself; one with a
// body needs an entry in BODIES, or the test fails.

type Ids = World['ids'] & { readonly SCRIPT_RUN: string }

/** A body that would do something, were it allowed. */
const BODIES: Partial<Record<RouteName, (ids: Ids) => object>> = {
  'regions.create': () => ({ region: { name: 'x' } }),
  'regions.update': () => ({ region: { name: 'x' } }),
  'services.create': () => ({ service: { host: randomUUID(), binary: 'b', topic: 't' } }),
  'services.update': () => ({ service: { enabled: true } }),
  'endpoints.create': () => ({ endpoint: { name: 'x', type: 'openstack', connection_info: { b: 1 } } }),
  'endpoints.update': () => ({ endpoint: { name: 'x' } }),
  'endpoints.act': () => ({ 'validate-connection': null }),
  'transfers.create': ({ EP1, EP2 }) => ({ transfer: { origin_endpoint_id: EP1, destination_endpoint_id: EP2, instances: ['x'] } }),
  'transfers.update': () => ({ transfer: { notes: 'x' } }),
  'transfers.act': () => ({ 'delete-disks': null }),
  'executions.create': () => ({ execution: {} }),
  'executions.act': () => ({ cancel: null }),
  'schedules.create': () => ({ schedule: { hour: 1 } }),
  'schedules.update': () => ({ enabled: false }),
  'deployments.create': ({ TRANSFER }) => ({ deployment: { transfer_id: TRANSFER } }),
  'deployments.act': () => ({ cancel: null }),
  'pools.create': ({ EP2 }) => ({
    minion_pool: { name: 'x', endpoint_id: EP2, platform: 'destination', os_type: 'linux', environment_options: {}, skip_allocation: true },
  }),
  'pools.update': () => ({ minion_pool: { notes: 'x' } }),
  'pools.act': () => ({ deallocate: null }),
  'tokens.create': () => ({ auth: { identity: { methods: ['token'], token: { id: 'x' } } } }),
  'projects.create': () => ({ project: { name: randomUUID() } }),
  'projects.update': () => ({ project: { description: 'x' } }),
  'users.create': () => ({ user: { name: randomUUID(), password: 'long enough' } }),
  'users.update': () => ({ user: { description: 'x' } }),
  'users.password': () => ({ user: { password: 'long enough', original_password: 'x' } }),
}

/** Lists of an object's parts, which are empty and not an error where the object is another's. */
const EMPTY_LISTS: readonly RouteName[] = ['executions.list', 'executions.detail', 'schedules.list']
/** They belong to the installation and not to a project. */
const SHARED = /^(?:providers|regions|services|diagnostics)\./
const ROLES_TRIED: readonly Role[] = ['reader', 'member', 'admin']

const table = Object.entries(ROUTES) as [RouteName, Route][]
const inProject = table.filter(([, route]) => SURFACES[route.surface].inProject)

let server: TestServer
let ids: Ids
let owner: Session
let stranger: Session
const sessions = new Map<Role, Session>()

before(async () => {
  server = await startCannedService()
  for (const role of ROLES_TRIED) sessions.set(role, await server.addUser(`owner-${role}`, 'ours', role))
  owner = sessions.get('admin')!
  stranger = await server.addUser('stranger', 'theirs', 'admin')
  const world = await makeWorld(server, owner)
  ids = { ...world.ids, SCRIPT_RUN: await addScriptRun(world.ids) }
})
after(() => server[Symbol.asyncDispose]())

async function addScriptRun({ EXECUTION }: World['ids']): Promise<string> {
  const id = randomUUID()
  const record = {
    version: 1,
    id,
    run_id: EXECUTION,
    phase: 'osmorphing_post_os_mount',
    source: 'global',
    name: 'canary-script',
    order: 1,
    attempt: 1,
    started_at: new Date().toISOString(),
    ended_at: new Date().toISOString(),
    exit_code: 0,
    signal: null,
    timed_out: false,
    interrupted: false,
    stdout_bytes: 0,
    stderr_bytes: 0,
    payload_sha256: 'x',
  }
  const row = {
    id,
    execution_id: EXECUTION,
    project_id: owner.projectId,
    instance: 'vm1',
    record: JSON.stringify(record),
    ended_at: new Date(),
  }
  await server.store.db.insertInto('script_runs').values(row).execute()
  return id
}

const PARAMS: Readonly<Record<string, (session: Session) => string>> = {
  endpoint_id: () => ids.EP1,
  transfer_id: () => ids.TRANSFER,
  execution_id: () => ids.EXECUTION,
  schedule_id: () => ids.SCHEDULE,
  deployment_id: () => ids.DEPLOYMENT,
  pool_id: () => ids.POOL,
  region_id: () => ids.REGION,
  service_id: () => ids.SERVICE,
  script_run_id: () => ids.SCRIPT_RUN,
  instance: () => encodeBase64Text('vm1'),
  platform: () => 'openstack',
  type: () => '16',
  log_name: () => 'none',
  user_id: () => owner.userId,
  role_id: () => 'reader',
}

interface Attempt {
  readonly name: RouteName
  readonly session?: Session
  /** Whose project stands in the path; the session's when absent. */
  readonly projectId?: string
}

function attempt({ name, session, projectId }: Attempt) {
  const route: Route = ROUTES[name]
  const inPath = projectId ?? session?.projectId ?? owner.projectId
  const url = fullPath(route).replaceAll(/\{(\w+)\}/g, (_, key: string) => {
    if (key === 'project_id') return inPath
    const value = PARAMS[key]?.(owner)
    assert.ok(value, `the test knows no value for {${key}} of ${name}`)
    return value
  })
  const body = BODIES[name]?.(ids)
  assert.ok(route.body === undefined || body !== undefined, `BODIES has no entry for ${name}`)
  return server.request({
    method: route.method,
    url: route.media === 'text/event-stream' ? `${url}?follow=false` : url,
    ...(session === undefined ? {} : { token: session.token }),
    ...(body === undefined ? {} : { payload: body }),
    headers: { 'x-subject-token': session?.token ?? 'none' },
  })
}

describe('without a token', () => {
  for (const [name, route] of table.filter(([, route]) => route.role !== 'anyone')) {
    test(`${name} is refused`, async () => {
      const answer = await attempt({ name })
      assert.equal(answer.statusCode, 401, `${route.method} ${route.path}: ${answer.body}`)
    })
  }
})

describe('with the token of another project', () => {
  for (const [name] of inProject) {
    test(`${name} is refused in our project's path`, async () => {
      const answer = await attempt({ name, session: stranger, projectId: owner.projectId })
      assert.equal(answer.statusCode, 400, answer.body)
      assert.equal(answer.json<{ error: { instar: { code: string } } }>().error.instar.code, 'api.malformed-url')
    })
  }

  for (const [name, route] of inProject.filter(([name]) => !SHARED.test(name))) {
    test(`${name} knows nothing of ours`, async () => {
      const answer = await attempt({ name, session: stranger })
      const namesOurs = route.path.includes('{') || ['transfers.create', 'deployments.create', 'pools.create'].includes(name)
      if (namesOurs && !EMPTY_LISTS.includes(name)) assert.ok([400, 404].includes(answer.statusCode), `${answer.statusCode} ${answer.body}`)
      const told = answer.statusCode < 300 ? answer.body : ''
      for (const id of [...Object.values(ids), 'canary', owner.projectId]) assert.ok(!told.includes(id), `${id} in ${told}`)
    })
  }
})

describe('with a role', () => {
  for (const [name, route] of table.filter(([, route]) => route.role !== 'anyone' && route.role !== 'user')) {
    for (const role of ROLES_TRIED.filter(role => !mayAct([role], route.role as Role))) {
      test(`${name} is refused to a ${role}`, async () => {
        const answer = await attempt({ name, session: sessions.get(role)! })
        assert.equal(answer.statusCode, 403, answer.body)
        if (route.method !== 'HEAD') assert.match(answer.body, new RegExp(`needs the role ${route.role}; you have ${role}`))
      })
    }
  }

  for (const [name, route] of inProject.filter(([, route]) => route.method !== 'DELETE')) {
    test(`${name} is allowed to a ${route.role}`, async () => {
      const answer = await attempt({ name, session: sessions.get(route.role as Role)! })
      assert.ok(answer.statusCode < 500, answer.body)
      assert.ok(![401, 403].includes(answer.statusCode), answer.body)
    })
  }
})

test('connection data is masked for a reader, and in clear for a member', async () => {
  const show = async (role: Role) => (await attempt({ name: 'endpoints.show', session: sessions.get(role)! })).body
  assert.doesNotMatch(await show('reader'), /canary/)
  assert.match(await show('member'), /"password":"canary"/)
})

test('what the database and the log hold does not show connection data', async () => {
  const rows = await server.store.db.selectFrom('endpoints').selectAll().execute()
  assert.ok(rows.length > 0)
  assert.doesNotMatch(rows.map(row => row.connection_info.toString('latin1')).join(), /canary/)
  assert.doesNotMatch(server.logged.join('\n'), /"canary"/)
})
