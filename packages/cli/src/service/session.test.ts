import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createTestProgram } from '../test-program.fixture.ts'
import { PASSWORD, PROJECT_ID, refusal, startFakeService, type Answer, type Seen } from './fake-service.fixture.ts'
import { resolveSession } from './settings.ts'

const root = mkdtempSync(join(tmpdir(), 'instar-session-'))
after(() => rmSync(root, { recursive: true }))
const newDir = () => mkdtempSync(join(root, 'd-'))

const region = {
  id: 'r1',
  name: 'west',
  enabled: true,
  description: '',
  mapped_endpoints: [],
  mapped_services: [],
  created_at: 't',
  updated_at: null,
}
const regions = (): Answer => ({ status: 200, body: { regions: [region] } })
const envOf = (url: string) => ({
  OS_AUTH_URL: `${url}/identity/v3`,
  OS_USERNAME: 'admin',
  OS_PASSWORD: PASSWORD,
  OS_PROJECT_NAME: 'admin',
})

test('a token is got once and kept for later commands, where only the user can read it and without the password', async () => {
  await using service = await startFakeService(regions)
  const world = { dir: newDir(), env: envOf(service.url) }
  for (let i = 0; i < 2; i += 1) assert.equal(await createTestProgram(world, ['region', 'list']).run(), 0)
  assert.equal(service.logins.length, 1)
  assert.deepEqual(
    service.seen.map(({ path, token }) => [path, token]),
    [
      [`/v1/${PROJECT_ID}/regions`, 'token-1'],
      [`/v1/${PROJECT_ID}/regions`, 'token-1'],
    ],
  )
  const folder = join(world.dir, 'state', 'tokens')
  const [file = ''] = readdirSync(folder)
  assert.deepEqual([statSync(folder).mode & 0o777, statSync(join(folder, file)).mode & 0o777], [0o700, 0o600])
  assert.doesNotMatch(`${file} ${readFileSync(join(folder, file), 'utf8')}`, new RegExp(PASSWORD))
})

test('a kept token is used for ten minutes, and only for the same service, user and project', async () => {
  await using service = await startFakeService(regions)
  const dir = newDir()
  const at = (time: string, more: object = {}) => ({ dir, env: { ...envOf(service.url), ...more }, now: () => new Date(time) })
  await createTestProgram(at('2026-01-02T03:00:00Z'), ['region', 'list']).run()
  await createTestProgram(at('2026-01-02T03:09:00Z'), ['region', 'list']).run()
  assert.equal(service.logins.length, 1)
  await createTestProgram(at('2026-01-02T03:09:00Z', { OS_PROJECT_NAME: 'other' }), ['region', 'list']).run()
  assert.equal(service.logins.length, 2)
  await createTestProgram(at('2026-01-02T03:11:00Z'), ['region', 'list']).run()
  assert.equal(service.logins.length, 3)
})

test('a token that the service knows no more is renewed once, and a second refusal is told', async () => {
  await using service = await startFakeService(regions)
  const world = { dir: newDir(), env: envOf(service.url) }
  await createTestProgram(world, ['region', 'list']).run()
  service.refused.add('token-1')
  assert.equal(await createTestProgram(world, ['region', 'list']).run(), 0)
  assert.deepEqual(
    service.seen.map(({ token }) => token),
    ['token-1', 'token-1', 'token-2'],
  )
  for (const token of ['token-2', 'token-3']) service.refused.add(token)
  await assert.rejects(createTestProgram(world, ['region', 'list']).run(), { code: 'service.not-authenticated', message: 'authenticate' })
})

test('a wrong password names user, project and service, with exit code 3 and without the password', async () => {
  await using service = await startFakeService(regions)
  const program = createTestProgram({ dir: newDir(), env: { ...envOf(service.url), OS_PASSWORD: 'hunter2' } }, ['region', 'list'])
  assert.equal(await program.runAndReport(), 3)
  assert.match(
    program.written.stderr,
    /^error: http:.*\/identity\/v3 does not let user admin into project admin {2}\[service\.not-authenticated\]\nbecause: wrong password\nhint: /,
  )
  assert.doesNotMatch(program.written.stderr, /hunter2/)
})

test('no service, a service that does not answer, and one of another kind are told apart', async () => {
  await assert.rejects(createTestProgram({ dir: newDir() }, ['region', 'list']).run(), { code: 'usage.no-session', exitCode: 2 })
  const away = { dir: newDir(), env: envOf('http://127.0.0.1:1') }
  await assert.rejects(createTestProgram(away, ['region', 'list']).run(), {
    code: 'service.unreachable',
    message: /http:\/\/127\.0\.0\.1:1/,
  })
  await using service = await startFakeService(() => ({ status: 200, body: 'hello' }))
  const other = { dir: newDir(), env: { ...envOf(service.url), OS_AUTH_URL: `${service.url}/else` } }
  await assert.rejects(createTestProgram(other, ['region', 'list']).run(), {
    code: 'service.bad-answer',
    message: /not as an identity service does/,
  })
})

test('an address of our service without the path of its identity service is told with the whole', async () => {
  await using service = await startFakeService(() => undefined)
  for (const path of ['', '/v3/']) {
    const env = { ...envOf(service.url), OS_AUTH_URL: `${service.url}${path}` }
    const program = createTestProgram({ dir: newDir(), env }, ['region', 'list'])
    assert.equal(await program.runAndReport(), 1)
    assert.equal(
      program.written.stderr,
      `error: ${service.url}/v3/auth/tokens answered, but not as an identity service does  [service.bad-answer]\n` +
        'because: no /v3/auth/tokens\n' +
        `hint: OS_AUTH_URL is the address of Identity v3; that of Instar has a path: ${service.url}/identity/v3.\n`,
    )
  }
})

test("an error of our service keeps its code, reasons and hint; another server's is told by its status", async () => {
  const answers: Record<string, Answer> = {
    a: {
      status: 400,
      body: {
        error: { fault: 'badRequest', code: 400, message: 'busy', instar: { code: 'api.busy', because: ['one', 'two'], hint: 'wait' } },
      },
    },
    b: refusal(403, 'in use by 2 transfers'),
    c: { status: 502, body: '<html>' },
  }
  await using service = await startFakeService(({ path }: Seen) => answers[path.at(-1) ?? ''])
  const world = { dir: newDir(), env: envOf(service.url) }
  const errorOf = async (id: string) => {
    const program = createTestProgram(world, ['transfer', 'delete', `00000000-0000-4000-8000-00000000000${id}`])
    return [await program.runAndReport(), program.written.stderr]
  }
  assert.deepEqual(await errorOf('a'), [3, 'error: busy  [api.busy]\nbecause: one\nbecause: two\nhint: wait\n'])
  assert.match(String(await errorOf('b')), /3,error: in use by 2 transfers {2}\[api\.forbidden\]/)
  assert.match(String(await errorOf('c')), /1,error: DELETE transfers\/.* was answered by status 502 {2}\[service\.failed\]/)
})

test('flags stand above the environment; project and user may be ids; a token needs no user', () => {
  const env = {
    OS_AUTH_URL: 'http://h/identity',
    OS_USERNAME: 'u',
    OS_PASSWORD: 'p',
    OS_PROJECT_NAME: 'n',
    OS_USER_DOMAIN_NAME: 'Default',
    OS_TOKEN: 't',
    OS_USER_ID: 'i',
  }
  const settings = resolveSession({ osUsername: 'v', project: PROJECT_ID }, env)
  assert.equal(settings.authUrl, 'http://h/identity/v3')
  assert.deepEqual(settings.credentials, { kind: 'password', user: { name: 'v', domain: { name: 'Default' } }, password: 'p' })
  assert.deepEqual(settings.project, { id: PROJECT_ID })
  assert.deepEqual(resolveSession({}, { ...env, OS_TOKEN: '' }).credentials, { kind: 'password', user: { id: 'i' }, password: 'p' })
  const byToken = resolveSession({}, env)
  assert.deepEqual(byToken.credentials, { kind: 'token', token: 't' })
  assert.deepEqual(byToken.project, { name: 'n', domain: { id: 'default' } })
  assert.equal(resolveSession({ endpoint: 'http://h:1/v1' }, { ...env, OS_AUTH_URL: '' }).authUrl, 'http://h:1/identity/v3')
  assert.throws(() => resolveSession({ osAuthUrl: 'h:1' }, env), /"h:1" is no address/)
  assert.throws(() => resolveSession({}, { OS_AUTH_URL: 'http://h' }), /no user is named/)
  assert.throws(() => resolveSession({}, { OS_AUTH_URL: 'http://h', OS_USERNAME: 'u' }), /no project is named/)
})

test('two options that name different projects or users are refused', async () => {
  const world = { dir: newDir(), env: envOf('http://127.0.0.1:1') }
  for (const [one, other] of [
    ['--project', '--os-project-name'],
    ['--os-username', '--os-token'],
  ] as const) {
    const program = createTestProgram(world, ['region', 'list', one, 'a', other, 'b'])
    assert.equal(await program.runAndReport(), 2)
    assert.match(program.written.stderr, new RegExp(`'${one} <[^']+' cannot be used with option '${other} <`))
  }
})

test('options of a service are refused where nothing talks to one', async () => {
  const program = createTestProgram({ dir: newDir() }, ['doctor', '--os-token', 'x'])
  assert.equal(await program.runAndReport(), 2)
  assert.match(program.written.stderr, /--os-token would do nothing: instar doctor talks to no service/)
})

test('token issue logs in anew, token revoke forgets what was kept', async () => {
  await using service = await startFakeService(({ method }: Seen) => (method === 'DELETE' ? { status: 204 } : undefined))
  const world = { dir: newDir(), env: envOf(service.url) }
  const issue = createTestProgram(world, ['token', 'issue', '-f', 'value', '-c', 'id', '-c', 'project_id'])
  await issue.run()
  assert.equal(issue.written.stdout, `token-1\n${PROJECT_ID}\n`)
  await createTestProgram(world, ['token', 'revoke']).run()
  assert.deepEqual(
    service.seen.map(({ method, path, headers }) => [method, path, headers['x-subject-token']]),
    [['DELETE', '/identity/v3/auth/tokens', 'token-1']],
  )
  assert.deepEqual(readdirSync(join(world.dir, 'state', 'tokens')), [])
})
