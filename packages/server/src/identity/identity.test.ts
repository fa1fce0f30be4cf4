import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { createTestServer, passwordBody, type TestServer } from '../testing/test-server.ts'

interface TokenBody {
  token: {
    methods: string[]
    user: { name: string }
    project?: { id: string; name: string }
    roles?: { name: string }[]
    catalog?: { type: string; endpoints: { interface: string; url: string }[] }[]
  }
}

let server: TestServer
before(async () => {
  server = await createTestServer()
})
after(() => server[Symbol.asyncDispose]())

const logIn = (payload: object) => server.request({ method: 'POST', url: '/identity/v3/auth/tokens', payload })

describe('log-in', () => {
  test('by password for a project gives a token with roles and a catalog', async () => {
    const answer = await logIn(passwordBody('admin', 'admin'))

    assert.equal(answer.statusCode, 201)
    const { token } = answer.json<TokenBody>()
    assert.equal(token.user.name, 'admin')
    assert.deepEqual(
      token.roles?.map(role => role.name),
      ['admin'],
    )
    const url = (type: string) =>
      token.catalog?.find(entry => entry.type === type)?.endpoints.find(({ interface: kind }) => kind === 'public')?.url
    assert.equal(url('migration'), `http://localhost:80/v1/${token.project?.id}`)
    assert.match(url('coriolis-logger') ?? '', /\/v1$/)
  })

  test('without a project, and then by that token for one', async () => {
    const first = await logIn(passwordBody('admin', undefined))
    assert.equal(first.json<TokenBody>().token.project, undefined)

    const id = first.headers['x-subject-token']
    const second = await logIn({
      auth: { identity: { methods: ['token'], token: { id } }, scope: { project: { name: 'admin', domain: { id: 'default' } } } },
    })

    assert.equal(second.statusCode, 201)
    assert.deepEqual(second.json<TokenBody>().token.methods, ['password', 'token'])
    assert.equal(second.json<TokenBody>().token.project?.name, 'admin')
  })

  test('with a wrong password, user, project, domain or token is refused in the same way', async () => {
    const other = passwordBody('admin', 'admin') as { auth: { identity: { password: { user: { domain: object } } } } }
    other.auth.identity.password.user.domain = { name: 'Elsewhere' }
    const elsewhere = passwordBody('admin', 'admin') as { auth: { scope: object } }
    elsewhere.auth.scope = { project: { name: 'admin', domain: { name: 'Elsewhere' } } }
    const bodies = [
      passwordBody('admin', 'admin', 'wrong password'),
      passwordBody('nobody', 'admin'),
      passwordBody('admin', 'nowhere'),
      other,
      elsewhere,
      { auth: { identity: { methods: ['token'], token: { id: 'inst_x' } } } },
    ]
    for (const body of bodies) {
      const answer = await logIn(body)
      assert.equal(answer.statusCode, 401, JSON.stringify(body))
      assert.match(String(answer.headers['www-authenticate']), /^Keystone uri="/)
    }
  })

  test('a body that is no log-in names what is missing', async () => {
    const answer = await logIn({ auth: {} })

    assert.equal(answer.statusCode, 400)
    assert.match(answer.body, /the key \\"auth.identity\\" is missing/)
  })
})

describe('a token', () => {
  test('can be shown, checked and revoked by its owner; after that it is worth nothing at once', async () => {
    const { token } = await server.logIn()
    const headers = { 'x-subject-token': token }
    const url = '/identity/v3/auth/tokens'
    assert.equal((await server.request({ method: 'GET', url, token, headers })).statusCode, 200)
    assert.equal((await server.request({ method: 'HEAD', url, token, headers })).statusCode, 200)

    assert.equal((await server.request({ method: 'DELETE', url, token, headers })).statusCode, 204)

    assert.equal((await server.request({ method: 'GET', url: '/identity/v3/auth/projects', token })).statusCode, 401)
  })

  test('of another user can be shown by an admin only', async () => {
    const admin = await server.logIn()
    const reader = await server.addUser('viewer', 'admin', 'reader')
    const show = (token: string, subject: string) =>
      server.request({ method: 'GET', url: '/identity/v3/auth/tokens', token, headers: { 'x-subject-token': subject } })

    assert.equal((await show(admin.token, reader.token)).statusCode, 200)
    assert.equal((await show(reader.token, admin.token)).statusCode, 403)
    assert.equal((await show(admin.token, 'inst_unknown')).statusCode, 404)
  })

  test('is stored as a hash only', async () => {
    const { token } = await server.logIn()

    const rows = await server.store.db.selectFrom('tokens').selectAll().execute()

    assert.ok(rows.length > 0)
    assert.doesNotMatch(rows.map(row => row.hash.toString('latin1')).join(), new RegExp(token.slice(5, 20)))
  })

  test('ends when its user loses the role, is disabled, or gets another password', async () => {
    const admin = await server.logIn()
    const isGood = async (token: string) =>
      (await server.request({ method: 'GET', url: '/identity/v3/auth/catalog', token })).statusCode === 200
    const patch = (userId: string, user: object) =>
      server.request({ method: 'PATCH', url: `/identity/v3/users/${userId}`, token: admin.token, payload: { user } })

    const first = await server.addUser('leaver', 'admin', 'member')
    assert.ok(await isGood(first.token))
    await server.request({
      method: 'DELETE',
      url: `/identity/v3/projects/${first.projectId}/users/${first.userId}/roles/member`,
      token: admin.token,
    })
    assert.equal(await isGood(first.token), false)

    const second = await server.addUser('sleeper', 'admin', 'member')
    await patch(second.userId, { enabled: false })
    assert.equal(await isGood(second.token), false)

    const third = await server.addUser('changer', 'admin', 'member')
    await patch(third.userId, { password: 'another horse' })
    assert.equal(await isGood(third.token), false)
  })
})

describe('users and projects', () => {
  test('are made, listed, changed and deleted by an admin', async () => {
    const { token } = await server.logIn()
    const made = await server.request({
      method: 'POST',
      url: '/identity/v3/users',
      token,
      payload: { user: { name: 'ann', password: 'long enough', email: 'a@b' } },
    })
    assert.equal(made.statusCode, 201)
    const { id } = made.json<{ user: { id: string } }>().user
    assert.doesNotMatch(made.body, /long enough|scrypt/)

    const again = await server.request({
      method: 'POST',
      url: '/identity/v3/users',
      token,
      payload: { user: { name: 'ann', password: 'long enough' } },
    })
    assert.equal(again.statusCode, 409)
    const { error } = again.json<{ error: { message: string; instar: { because: string[] } } }>()
    assert.deepEqual([error.message, error.instar.because], ['there is a user of this name already', []])

    const listed = await server.request({ method: 'GET', url: '/identity/v3/users?name=ann', token })
    assert.equal(listed.json<{ users: object[] }>().users.length, 1)
    assert.equal((await server.request({ method: 'DELETE', url: `/identity/v3/users/${id}`, token })).statusCode, 204)
    assert.equal((await server.request({ method: 'GET', url: `/identity/v3/users/${id}`, token })).statusCode, 404)
  })

  test('the last admin can neither be deleted, nor disabled, nor lose the role', async () => {
    const { token, userId, projectId } = await server.logIn()
    const attempts = [
      { method: 'DELETE', url: `/identity/v3/users/${userId}` },
      { method: 'PATCH', url: `/identity/v3/users/${userId}`, payload: { user: { enabled: false } } },
      { method: 'DELETE', url: `/identity/v3/projects/${projectId}/users/${userId}/roles/admin` },
      { method: 'DELETE', url: `/identity/v3/projects/${projectId}` },
    ] as const
    for (const attempt of attempts) {
      const answer = await server.request({ ...attempt, token })
      assert.equal(answer.statusCode, 400, answer.body)
      assert.match(answer.body, /no user who is an admin/)
    }
  })

  test('a member sees itself and its own projects, and nobody else', async () => {
    const admin = await server.logIn()
    const member = await server.addUser('bob', 'elsewhere', 'member')
    const status = async (url: string) =>
      (await server.request({ method: 'GET', url: `/identity/v3${url}`, token: member.token })).statusCode

    assert.equal(await status(`/users/${member.userId}`), 200)
    assert.equal(await status(`/projects/${member.projectId}`), 200)
    assert.equal(await status(`/users/${admin.userId}`), 404)
    assert.equal(await status(`/projects/${admin.projectId}`), 404)
    assert.equal(await status('/users'), 403)
  })

  test('a user changes the own password and must know the old one', async () => {
    const { token, userId } = await server.addUser('carl', 'admin', 'member')
    const change = (original_password: string) =>
      server.request({
        method: 'POST',
        url: `/identity/v3/users/${userId}/password`,
        token,
        payload: { user: { original_password, password: 'brand new horse' } },
      })

    assert.equal((await change('not this')).statusCode, 403)
    assert.equal((await change('correct horse')).statusCode, 204)
    assert.equal((await logIn(passwordBody('carl', 'admin', 'brand new horse'))).statusCode, 201)
  })

  test('assignments come with names when asked', async () => {
    const { token } = await server.logIn()

    const answer = await server.request({ method: 'GET', url: '/identity/role_assignments?include_names', token })

    const { role_assignments } = answer.json<{ role_assignments: { role: { name: string }; user: { name: string } }[] }>()
    assert.ok(role_assignments.some(({ role, user }) => role.name === 'admin' && user.name === 'admin'))
  })
})

test('after five failures a user is not let in from that address for a while, not even with the password; others are', async () => {
  await using own = await createTestServer()
  await own.addUser('dora', 'admin', 'member')
  const tryLogIn = (user: string, password: string, remoteAddress = '10.0.0.1') =>
    own.request({ method: 'POST', url: '/identity/v3/auth/tokens', payload: passwordBody(user, 'admin', password), remoteAddress })
  for (let attempt = 0; attempt < 5; attempt += 1) assert.equal((await tryLogIn('dora', 'guess')).statusCode, 401)

  const answer = await tryLogIn('dora', 'correct horse')

  assert.equal(answer.statusCode, 429)
  assert.ok(Number(answer.headers['retry-after']) > 0)
  assert.equal((await tryLogIn('admin', 'correct horse')).statusCode, 201)
  assert.equal((await tryLogIn('dora', 'correct horse', '10.0.0.2')).statusCode, 201)
})

test('neither passwords nor tokens are logged', async () => {
  const { token } = await server.logIn()
  await server.request({ method: 'GET', url: `/logs/x?auth_token=${token}` })
  assert.ok(server.logged.length > 0)
  assert.doesNotMatch(server.logged.join('\n'), new RegExp(`correct horse|${token}`))
})
