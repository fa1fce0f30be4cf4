import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import type { TestServer } from '@instar/server/testing'
import { startCannedService } from './world.ts'

// OpenStack's own client library logs in, follows the catalog and exchanges tokens.

const PYTHON = '/usr/bin/python3'
const run = promisify(execFile)
const isThere = await run(PYTHON, ['-c', 'import keystoneauth1']).then(
  () => true,
  () => false,
)
const skip =
  isThere || process.env['INSTAR_REQUIRE'] === 'all' ? false : 'keystoneauth1 is not there: apt-get install python3-keystoneauth1'

let server: TestServer
let base: string
before(async () => {
  server = await startCannedService()
  await server.server.app.listen({ host: '127.0.0.1', port: 0 })
  base = `http://127.0.0.1:${(server.server.app.server.address() as AddressInfo).port}`
})
after(() => server[Symbol.asyncDispose]())

/** Runs lines of Python after those that log in; gives what they print. */
async function python(lines: string): Promise<string> {
  const head = `
from keystoneauth1 import session, exceptions
from keystoneauth1.identity import v3
base = '${base}'
def password(**more):
    return v3.Password(auth_url=base + '/identity/v3', username='admin', password='correct horse', user_domain_name='Default', **more)
scoped = password(project_name='admin', project_domain_name='Default')
s = session.Session(auth=scoped)
def listed(session):
    return session.get('/endpoints', endpoint_filter={'service_type': 'migration', 'interface': 'public'}).json()
`
  const { stdout } = await run(PYTHON, ['-c', head + lines], { timeout: 60_000 })
  return stdout.trim()
}

test('a password and a project lead through the catalog to the API', { skip }, async () => {
  assert.equal(await python(`print(listed(s), s.get_endpoint(service_type='coriolis-logger'))`), `{'endpoints': []} ${base}/logger/v1`)
})

test('a token without a project is exchanged for one with it', { skip }, async () => {
  const lines = `
first = session.Session(auth=password(unscoped=True)).get_token()
second = v3.Token(auth_url=base + '/identity/v3', token=first, project_name='admin', project_domain_name='Default')
print(listed(session.Session(auth=second)))`
  assert.equal(await python(lines), `{'endpoints': []}`)
})

test('an auth URL without a version is discovered', { skip }, async () => {
  const lines = `
from keystoneauth1.identity import generic
auth = generic.Password(auth_url=base + '/identity/v3', username='admin', password='correct horse', user_domain_name='Default', project_name='admin', project_domain_name='Default')
print(listed(session.Session(auth=auth)))`
  assert.equal(await python(lines), `{'endpoints': []}`)
})

test('a token that was revoked meanwhile is asked for anew', { skip }, async () => {
  const lines = `
listed(s)
token = s.get_token()
s.delete(base + '/identity/v3/auth/tokens', headers={'X-Subject-Token': token}, authenticated=True)
print(listed(s), s.get_token() != token)`
  assert.equal(await python(lines), `{'endpoints': []} True`)
})

test('a wrong password is Unauthorized, an unknown id NotFound with our words', { skip }, async () => {
  const lines = `
wrong = v3.Password(auth_url=base + '/identity/v3', username='admin', password='wrong', user_domain_name='Default', project_name='admin', project_domain_name='Default')
for auth, path in ((wrong, '/endpoints'), (scoped, '/endpoints/nowhere')):
    try:
        session.Session(auth=auth).get(path, endpoint_filter={'service_type': 'migration'})
    except exceptions.HttpError as error:
        print(type(error).__name__, error.http_status, error.message)`
  assert.match(await python(lines), /^Unauthorized 401 .*wrong user.*\nNotFound 404 endpoint nowhere was not found \(HTTP 404\)/)
})
