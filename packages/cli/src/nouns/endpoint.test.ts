import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { PASSWORD, startFakeService, type Answer, type Seen } from '../service/fake-service.fixture.ts'
import { createTestProgram } from '../test-program.fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'instar-endpoint-'))
after(() => rmSync(dir, { recursive: true }))

const ENDPOINT = { id: '00000000-0000-4000-8000-0000000000e1', name: 'dc', connection_info: {}, mapped_regions: [] }
const PROVIDERS: Answer = { status: 200, body: { providers: { 'disk-images': { types: [] }, replica: { types: [] } } } }
const noWorker: Answer = { status: 503, body: { error: { message: 'no enabled worker is alive', instar: { code: 'engine.no-worker' } } } }

/** `endpoint create` of a service that answers so. */
async function created(answers: { providers?: Answer; validation?: Answer }, ...argv: string[]) {
  const valid = { status: 200, body: { 'validate-connection': { valid: true } } }
  await using service = await startFakeService(({ path }: Seen): Answer | undefined => {
    if (path.endsWith('/providers')) return answers.providers ?? PROVIDERS
    if (path.endsWith('/actions')) return answers.validation ?? valid
    return path.endsWith('/endpoints') ? { status: 200, body: { endpoint: ENDPOINT } } : undefined
  })
  const env = { OS_AUTH_URL: `${service.url}/identity`, OS_USERNAME: 'admin', OS_PASSWORD: PASSWORD, OS_PROJECT_NAME: 'admin' }
  const program = createTestProgram({ dir, env }, ['endpoint', 'create', '--name', 'dc', '--connection', '{}', '-q', ...argv])
  const exitCode = await program.runAndReport()
  const isStored = service.seen.some(({ method, path }) => method === 'POST' && path.endsWith('/endpoints'))
  return { exitCode, isStored, ...program.written }
}

test('a provider that no worker has is refused with a guess before anything is stored', async () => {
  const { exitCode, isStored, stderr } = await created({}, '--provider', 'disk-image')

  assert.deepEqual([exitCode, isStored], [3, false])
  assert.match(
    stderr,
    /^error: there is no provider "disk-image"; did you mean "disk-images"\? {2}\[api\.not-found\]\nhint: The providers are: disk-images, replica\. /,
  )
})

test('it is stored where its worker may come later: without a worker, or with --skip-validation', async () => {
  const skipped = await created({}, '--provider', 'openstack', '--skip-validation')
  const alone = await created({ providers: noWorker, validation: noWorker }, '--provider', 'openstack')

  assert.deepEqual([skipped.exitCode, skipped.stdout], [0, `${ENDPOINT.id}\n`], skipped.stderr)
  assert.deepEqual([alone.exitCode, alone.isStored], [1, true])
})

test('an endpoint whose connection fails, or cannot be tried, is told with the id that it is stored as', async () => {
  const invalid = { status: 200, body: { 'validate-connection': { valid: false, message: 'no such folder' } } }
  const head = `error: endpoint dc is stored as ${ENDPOINT.id}, but its connection is not known to work  [endpoint.invalid]\n`
  const hint = `hint: Repair it: instar endpoint update ${ENDPOINT.id} --connection ..., then instar endpoint validate connection ${ENDPOINT.id}.\n`

  const failed = await created({ validation: invalid }, '--provider', 'disk-images')
  const untried = await created({ validation: noWorker }, '--provider', 'disk-images')

  assert.deepEqual(
    [failed.exitCode, failed.stderr],
    [1, `${head}because: the connection of endpoint dc does not work\nbecause: no such folder\n${hint}`],
  )
  assert.deepEqual([untried.exitCode, untried.stderr], [1, `${head}because: no enabled worker is alive\n${hint}`])
})
