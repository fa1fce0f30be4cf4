import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createTestProgram } from '../test-program.fixture.ts'
import { PASSWORD, startFakeService, type Seen } from './fake-service.fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'instar-user-scripts-'))
after(() => rmSync(dir, { recursive: true }))
const file = (name: string, text: string) => {
  writeFileSync(join(dir, name), text)
  return join(dir, name)
}
const script = file('a.sh', 'echo a\n')
const id = (end: string) => `00000000-0000-4000-8000-0000000000${end}`
const endpoints = {
  endpoints: [
    { id: id('e1'), name: 'dc' },
    { id: id('e2'), name: 'cloud' },
  ],
}
const transfer = { id: id('aa'), notes: 'web', instances: ['web=1', 'db'], executions: [] }
const deployment = { id: id('dd'), instances: ['web=1'], tasks: [], last_execution_status: 'RUNNING' }

const pools = [
  { id: id('f1'), name: 'warm' },
  { id: `f2${id('f2').slice(2)}`, name: 'cold' },
]

async function sent(...argv: string[]) {
  await using service = await startFakeService(({ method, path }: Seen) => {
    if (path.endsWith('/minion_pools')) return { status: 200, body: { minion_pools: pools } }
    if (path.endsWith('/endpoints')) return { status: 200, body: endpoints }
    if (path.endsWith('/transfers')) return { status: 200, body: method === 'GET' ? { transfers: [transfer] } : { transfer } }
    if (path.endsWith('/deployments')) return { status: 200, body: { deployment } }
    return path.includes('/transfers/') ? { status: 200, body: { transfer } } : undefined
  })
  const env = { OS_AUTH_URL: `${service.url}/identity`, OS_USERNAME: 'admin', OS_PASSWORD: PASSWORD, OS_PROJECT_NAME: 'admin' }
  const program = createTestProgram({ dir, env }, argv)
  const exitCode = await program.runAndReport()
  const last = service.seen.filter(({ method }) => method !== 'GET').at(-1)
  return { exitCode, stderr: program.written.stderr, body: last?.body as Record<string, Record<string, unknown>> | undefined }
}

test("a deployment without script flags takes the transfer's scripts; --no-user-scripts takes none", async () => {
  const plain = await sent('deployment', 'create', 'web')
  assert.deepEqual(plain.body?.['deployment'], {
    transfer_id: id('aa'),
    clone_disks: null,
    skip_os_morphing: null,
    force: false,
    user_scripts: null,
  })
  assert.deepEqual((await sent('deployment', 'create', 'web', '--no-user-scripts')).body?.['deployment']?.['user_scripts'], {
    global: {},
    instances: {},
  })
  assert.match((await sent('deployment', 'create', 'web', '--no-user-scripts', '--merge')).stderr, /contradicts/)
})

test("a name of the transfer's machines needs no escapes, and one that it does not have is refused with a guess", async () => {
  const { body } = await sent('deployment', 'create', 'web', '--user-script-instance', `web=1=${script}`)
  assert.deepEqual(body?.['deployment']?.['user_scripts'], {
    global: {},
    instances: { 'web=1': [{ phase: 'osmorphing_post_os_mount', payload: 'echo a\n' }] },
  })
  const wrong = await sent('deployment', 'create', 'web', '--user-script-instance', `bd=${script}`)
  assert.deepEqual([wrong.exitCode, wrong.body], [2, undefined])
  assert.match(wrong.stderr, /no machine of the transfer is called "bd"; did you mean "db"\?/)
})

test('a file describes a transfer with all that a script can have; paths are relative to it, and flags add to it', async () => {
  file('secret', 'hunter2')
  const yaml = file(
    'transfer.yaml',
    `origin_endpoint: dc
destination_endpoint: cloud
instances: [db]
notes: from a file
user_scripts:
  merge: true
  global:
    linux:
      - { file: a.sh, phase: replica-first-boot, name: hello, timeout_s: 5, retries: 1, on_failure: continue, env: { A: b }, secrets: { key: { file: secret } } }
  instances:
    db: [echo db, { file: a.sh }]
`,
  )
  const { body, stderr } = await sent(
    'transfer',
    'create',
    '--file',
    yaml,
    '--notes',
    'from a flag',
    '--user-script-global',
    `linux=${script}`,
  )
  assert.deepEqual(
    body?.['transfer'],
    {
      scenario: 'replica',
      storage_mappings: {},
      origin_endpoint_id: id('e1'),
      destination_endpoint_id: id('e2'),
      instances: ['db'],
      notes: 'from a flag',
      user_scripts: {
        global: {
          linux: [
            {
              payload: 'echo a\n',
              phase: 'replica-first-boot',
              name: 'hello',
              timeout_s: 5,
              retries: 1,
              on_failure: 'continue',
              env: { A: 'b' },
              secrets: { key: 'hunter2' },
            },
            { phase: 'osmorphing_post_os_mount', payload: 'echo a\n' },
          ],
        },
        instances: { db: [{ payload: 'echo db' }, { name: 'a.sh', payload: 'echo a\n' }] },
        merge: true,
      },
    },
    stderr,
  )
})

test('a key that would be ignored, a script without text and a file that is none are refused', async () => {
  const refused = async (yaml: string) => (await sent('transfer', 'create', '--file', file('bad.yaml', yaml))).stderr
  assert.match(await refused('instnces: [a]'), /unknown key "instnces"; did you mean "instances"\?/)
  assert.match(await refused('user_scripts: { globl: {} }'), /user_scripts has an unknown key "globl"/)
  assert.match(await refused('user_scripts: { global: { linux: [{ file: a.sh, payload: x }] } }'), /needs one of file .* and payload/)
  assert.match(await refused('[]'), /is no object/)
  assert.match((await sent('transfer', 'create', '--file', join(dir, 'none.yaml'))).stderr, /cannot read .*none\.yaml/)
  assert.match((await sent('transfer', 'create', '--instance', 'x')).stderr, /--origin-endpoint is not given/)
})

test('names are looked up: by name, by the beginning of an id, with a guess, and never by chance', async () => {
  const update = (wanted: string) => sent('endpoint', 'delete', wanted)
  assert.match((await update('clod')).stderr, /there is no endpoint "clod"; did you mean "cloud"\?/)
  assert.match((await update('00000000-0000')).stderr, /names 2 of kind endpoint {2}\[service\.ambiguous\]/)
  assert.match((await update('000')).stderr, /there is no endpoint "000" /)
})

test('pools are named like all else, by options and in a file, and one that is not there is told with a guess', async () => {
  const deploy = await sent('deployment', 'create', 'web', '--osmorphing-minion-pool-mapping', 'web=1=warm')
  const change = await sent('transfer', 'update', 'web', '--origin-minion-pool-id', 'f200', '--destination-minion-pool-id', '')
  const yaml = 'destination_minion_pool_id: warm\ninstance_osmorphing_minion_pool_mappings: { db: cold }\n'
  const ends = ['--origin-endpoint', 'dc', '--destination-endpoint', 'cloud', '--instance', 'db']
  const create = await sent('transfer', 'create', '--file', file('pools.yaml', yaml), ...ends)
  const wrong = await sent('transfer', 'update', 'web', '--destination-minion-pool-id', 'wram')

  assert.deepEqual(deploy.body?.['deployment']?.['instance_osmorphing_minion_pool_mappings'], { 'web=1': id('f1') })
  assert.deepEqual(change.body?.['transfer'], { origin_minion_pool_id: pools[1]!.id, destination_minion_pool_id: null })
  assert.equal(create.body?.['transfer']?.['destination_minion_pool_id'], id('f1'))
  assert.deepEqual(create.body?.['transfer']?.['instance_osmorphing_minion_pool_mappings'], { db: pools[1]!.id })
  assert.deepEqual([wrong.exitCode, wrong.body], [3, undefined])
  assert.match(
    wrong.stderr,
    /^error: there is no minion pool "wram"; did you mean "warm"\? {2}\[api\.not-found\]\nhint: See instar minion pool list\./,
  )
})
