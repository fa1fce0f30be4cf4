import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Run } from '@instar/contract'
import { thisProcess } from '@instar/machine'
import { RunStore } from '../runs/run-store.ts'
import { PASSWORD, startFakeService, type Answer, type Seen } from '../service/fake-service.fixture.ts'
import { createTestProgram } from '../test-program.fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'instar-script-'))
after(() => rmSync(dir, { recursive: true }))

const id = (begin: string) => `${begin}0000-0000-4000-8000-000000000000`
const DEPLOYMENTS = [
  { id: id('dddd'), notes: 'web' },
  { id: id('dddc'), notes: null },
]
const TRANSFERS = [
  { id: id('aaaa'), notes: 'web' },
  { id: id('aaab'), notes: 'db' },
]
/** Of each transfer, the newest first. */
const EXECUTIONS = [{ id: id('eeee') }, { id: id('eeed') }]
/** What ran scripts, and one that ran none. */
const RUNNERS = [`deployments/${id('dddd')}`, `executions/${id('eeee')}`, `executions/${id('eeed')}`]

const scriptRun = (name: string) => ({
  version: 1,
  id: id('5555'),
  instance: 'vm',
  phase: 'osmorphing_post_os_mount',
  order: 1,
  name,
  source: 'global',
  attempt: 1,
  started_at: '2026-01-02T03:04:05Z',
  ended_at: '2026-01-02T03:04:06Z',
  exit_code: 0,
  signal: null,
  timed_out: false,
  interrupted: false,
  stdout_bytes: 3,
  stderr_bytes: 0,
})

function answer({ path }: Seen): Answer | undefined {
  const below = path.replace(/^(\/instar)?\/v1\/[^/]+\//, '')
  if (below === 'deployments') return { status: 200, body: { deployments: DEPLOYMENTS } }
  if (below === 'transfers') return { status: 200, body: { transfers: TRANSFERS } }
  if (below === `transfers/${id('aaab')}/executions`) return { status: 200, body: { executions: EXECUTIONS } }
  if (below.endsWith('/executions')) return { status: 200, body: { executions: [] } }
  if (below.endsWith('/output')) return { status: 200, body: 'hi\n' }
  if (below === `deployments/${id('dddc')}/script-runs`) return { status: 200, body: { script_runs: [] } }
  const runner = RUNNERS.find(one => below === `${one}/script-runs`)
  return runner === undefined ? undefined : { status: 200, body: { script_runs: [scriptRun(`of-${runner}`)] } }
}

async function asked(...argv: string[]) {
  await using service = await startFakeService(answer)
  const env = { OS_AUTH_URL: `${service.url}/identity`, OS_USERNAME: 'admin', OS_PASSWORD: PASSWORD, OS_PROJECT_NAME: 'admin' }
  const program = createTestProgram({ dir, env }, argv)
  return { exitCode: await program.runAndReport(), ...program.written }
}

for (const [name, runner] of [
  [id('eeed'), `executions/${id('eeed')}`],
  ['dddd', `deployments/${id('dddd')}`],
  ['eeed', `executions/${id('eeed')}`],
  ['web', `deployments/${id('dddd')}`],
  ['db', `executions/${id('eeee')}`],
] as const) {
  test(`an execution or deployment is named by its id, the beginning of it, or notes: ${name}`, async () => {
    const list = await asked('script', 'list', name, '-f', 'value', '-c', 'Script')
    const log = await asked('script', 'log', name, `of-${runner}`)

    assert.deepEqual([list.exitCode, list.stdout], [0, `of-${runner}\n`], list.stderr)
    assert.deepEqual(
      [log.exitCode, log.stdout],
      [0, `== vm: osmorphing_post_os_mount 1: of-${runner}, attempt 1: exit 0\nhi\n`],
      log.stderr,
    )
  })
}

test('what ran no script gives an empty list; what is not there is an error, also where its id is whole', async () => {
  assert.deepEqual(await asked('script', 'list', id('dddc'), '-q'), { exitCode: 0, stdout: '', stderr: '' })

  for (const argv of [
    ['list', 'wbe'],
    ['log', 'wbe'],
    ['log', 'wbe', '--follow'],
  ]) {
    const { exitCode, stderr } = await asked('script', ...argv)
    assert.equal(exitCode, 3)
    assert.match(
      stderr,
      /^error: there is no execution or deployment "wbe"; did you mean "web"\? {2}\[api\.not-found\]\nhint: .*instar run list/,
    )
  }
  for (const verb of ['list', 'log']) {
    const { exitCode, stderr } = await asked('script', verb, id('0000'))
    assert.equal(exitCode, 3)
    assert.match(stderr, /^error: there is no execution, deployment or script run 00000000-.* {2}\[api\.not-found\]/)
  }
})

test('a run of this machine needs no service and comes first; without a service nothing else is looked for', async () => {
  const run: Run = {
    version: 1,
    id: '20260102-0304-abcdef',
    instance: 'web',
    state: 'succeeded',
    argv: [],
    options: {},
    cwd: dir,
    images: [],
    owner: thisProcess(),
    started_at: '2026-01-02T03:04:05Z',
    ended_at: '2026-01-02T03:04:06Z',
  }
  await new RunStore(join(dir, 'state')).save(run)

  const log = await asked('script', 'log', '20260102')
  const follow = await asked('script', 'log', 'last', '--follow')
  const elsewhere = createTestProgram({ dir }, ['script', 'log', 'web'])

  assert.match(log.stdout, /^run 20260102-0304-abcdef ran no script/)
  assert.match(follow.stderr, /^error: --follow is about what the service runs, and "last" is of this machine {2}\[usage\.bad-argument\]/)
  await assert.rejects(elsewhere.run(), { code: 'run.unknown', message: /^there is no run "web"/ })
})
