import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { PASSWORD, PROJECT_ID, startFakeService, type Seen } from './service/fake-service.fixture.ts'
import { createTestProgram } from './test-program.fixture.ts'

// Every command line of Coriolis' own client, as it was recorded, through ours: the same requests, or a difference that has a reason here.

interface Recorded {
  readonly id: string
  readonly argv: readonly string[]
  readonly exit_code: number
  readonly requests: readonly {
    readonly method: string
    readonly path: string
    readonly body: unknown
    readonly minimal_response?: { readonly status_used: number; readonly body?: unknown; readonly text?: string }
  }[]
}

const { commands } = JSON.parse(readFileSync('scenarios/api/client-requests.json', 'utf8')) as { commands: Recorded[] }

/** Ours differs on purpose; each has tests of its own. */
const OTHERWISE: Readonly<Record<string, string>> = {
  'endpoint-create-emptyconn': 'a platform may need no connection data',
  'endpoint-update-name': 'a name is looked up',
  'transfer-create-no-netmap': 'a network map may be left out',
  'transfer-create-empty-env': 'an environment may be empty',
  'script-transfer-create-i-two': 'vm2 is no machine of that transfer',
  'transfer-update-none': 'nothing to change is refused',
  'deployment-show-data': 'the data is asked for, not only hoped for',
  'log-stream': 'log download does it',
}
const LEFT_OUT = (id: string) => id in OTHERWISE || id.startsWith('licensing-')
/** Scripts that ours reads or judges otherwise: reference/phases.md. */
const SCRIPTS_OTHERWISE: Readonly<Record<string, string>> = {
  'g-explicit-firstboot': 'a Windows script keeps its line ends',
  'g-repeat-two-os': 'a Windows script keeps its line ends',
  'g-unregister': 'a create has nothing to remove',
  'i-unregister': 'a create has nothing to remove',
  'g-add-then-unregister': 'a create has nothing to remove',
  'g-unregister-phase': 'a phase cannot be removed alone',
  'g-unregister-then-add': "Coriolis' client crashes",
  'i-unregister-then-add': "Coriolis' client crashes",
  'g-other-os': 'the server refuses two of these OS types',
  'g-empty-file': 'an empty script is refused at once',
  'g-empty-phase': 'no phase is refused',
}

const dir = mkdtempSync(join(tmpdir(), 'instar-recorded-'))
after(() => rmSync(dir, { recursive: true }))
mkdirSync(join(dir, 'scripts'))
mkdirSync(join(dir, 'out'))
const FILES = {
  'a.sh': '#!/bin/bash\necho a $1\n',
  'b.sh': '#!/bin/bash\necho b $1\n',
  'c.ps1': 'Write-Host c\r\n',
  'empty.sh': '',
  'conn.json': '{"host": "h", "password": "p"}',
  'env.json': '{"from": "file"}',
}
for (const [name, text] of Object.entries(FILES)) writeFileSync(join(dir, 'scripts', name), text)

const IDS = new Map<string, string>([['{project_id}', PROJECT_ID]])
/** Placeholders as ids, local paths as ours. */
function real<T>(value: T): T {
  const text = JSON.stringify(value).replaceAll(/\{[A-Z_]+\d?\}|\{project_id\}/g, name => {
    if (!IDS.has(name)) IDS.set(name, `00000000-0000-4000-8000-${String(IDS.size).padStart(12, '0')}`)
    return IDS.get(name)!
  })
  return JSON.parse(text.replaceAll(/(?<=[= "])\/(scripts|out)\//g, (_, folder: string) => `${dir}/${folder}/`)) as T
}

/** What a request says, whatever its spelling: queries decoded, null and absent alike. */
function meaning(method: string, path: string, body: unknown) {
  const url = new URL(path, 'http://x')
  const query = [...url.searchParams].map(([key, value]) => [
    key,
    key === 'env' || key === 'options' ? (JSON.parse(Buffer.from(value, 'base64url').toString()) as unknown) : value,
  ])
  return { method, path: decodeURIComponent(url.pathname), query, body: meaningOf(body ?? undefined, method, url.pathname) }
}

function meaningOf(body: unknown, method: string, path: string): unknown {
  const plain = withoutNull(body) as Record<string, Record<string, unknown>> | undefined
  // An update that names no script sends two empty maps there, nothing here: both change nothing.
  if (method === 'PUT' && JSON.stringify(plain?.['transfer']?.['user_scripts']) === '{"global":{},"instances":{}}')
    delete plain?.['transfer']?.['user_scripts']
  // Coriolis' client cannot leave these as they are.
  if (path.includes('/services/') && (plain?.['service']?.['mapped_regions'] as unknown[] | undefined)?.length === 0)
    delete plain?.['service']?.['mapped_regions']
  if (method === 'PUT' && path.includes('/schedules/'))
    for (const key of ['shutdown_instance', 'auto_deploy'] as const)
      if ((plain as Record<string, unknown>)[key] === false) delete plain?.[key]
  // What no option says is null here, the transfer's own; there it is the client's default.
  if (path.endsWith('/deployments')) {
    const deployment = plain?.['deployment'] ?? {}
    if (deployment['clone_disks'] === true) delete deployment['clone_disks']
    if (deployment['skip_os_morphing'] === false) delete deployment['skip_os_morphing']
    if (JSON.stringify(deployment['user_scripts']) === '{"global":{},"instances":{}}') delete deployment['user_scripts']
  }
  return sorted(plain)
}

function withoutNull(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNull)
  if (typeof value !== 'object' || value === null) return typeof value === 'string' ? sameTime(value) : value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) =>
      one === null &&
      ![
        'linux',
        'vm1',
        'cancel',
        'allocate',
        'refresh',
        'delete-disks',
        'validate-connection',
        'expiration_date',
        'origin_minion_pool_id',
        'destination_minion_pool_id',
      ].includes(key)
        ? []
        : [[key, withoutNull(one)]],
    ),
  )
}

function sameTime(text: string): string {
  return /^\d{4}-\d\d-\d\dT.*Z$/.test(text) ? new Date(text).toISOString() : text
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, one]) => [key, sorted(one)]),
  )
}

/** Asked by us alone: the platforms where one is named, a transfer's machines where a script names one, the regions and pools where one is named. Gives the answer. */
function extraAnswer(seen: Seen, recorded: Recorded): object | undefined {
  if (seen.method !== 'GET') return undefined
  if (recorded.id.startsWith('script-') && /\/transfers\/[^/]+$/.test(seen.path)) return { transfer: { instances: ['vm1', 'vm2'] } }
  if (recorded.argv.includes('--provider') && seen.path.endsWith('/providers')) return { providers: { openstack: { types: [] } } }
  if (recorded.argv.includes('--coriolis-region') && seen.path.endsWith('/regions'))
    return { regions: ['r1', 'r2'].map(name => ({ id: name, name })) }
  if (/ --(?:origin-|destination-|osmorphing-)minion-pool/.test(recorded.argv.join(' ')) && seen.path.endsWith('/minion_pools'))
    return { minion_pools: ['p1', 'p2', 'p3'].map(name => ({ id: name, name })) }
  return undefined
}

async function replay(recorded: Recorded) {
  const waiting = real(recorded.requests).map(request => ({ ...request }))
  await using service = await startFakeService(seen => {
    const extra = extraAnswer(seen, recorded)
    if (extra !== undefined) return { status: 200, body: extra }
    const at = waiting.findIndex(
      ({ method, path }) => method === seen.method && new URL(path, 'http://x').pathname === seen.path.replaceAll('%3D', '='),
    )
    const found = at < 0 ? undefined : waiting.splice(at, 1)[0]
    if (found === undefined) return undefined
    const { status_used: status = 200, body, text } = found.minimal_response ?? {}
    return { status, body: body ?? text ?? firstBody(found.path, recorded) }
  })
  const env = { OS_AUTH_URL: `${service.url}/identity`, OS_USERNAME: 'admin', OS_PASSWORD: PASSWORD, OS_PROJECT_NAME: 'admin' }
  const program = createTestProgram({ dir, env }, real(recorded.argv))
  const exitCode = await program.runAndReport()
  const seen = service.seen
    .filter(one => extraAnswer(one, recorded) === undefined)
    .map(({ method, url, body }) => meaning(method, url, body))
  const wanted = real(recorded.requests).map(({ method, path, body }) => meaning(method, path, body))
  return { exitCode, seen, wanted, output: program.written }
}

/** A list that is asked for twice is recorded with its answer once. */
function firstBody(path: string, recorded: Recorded): unknown {
  return real(recorded.requests).find(request => request.path === path && request.minimal_response?.body !== undefined)?.minimal_response
    ?.body
}

for (const recorded of commands.filter(
  ({ id }) => !LEFT_OUT(id) && !Object.keys(SCRIPTS_OTHERWISE).some(row => id.endsWith(`-create-${row}`) || id.endsWith(`-update-${row}`)),
)) {
  test(`asks as Coriolis' client does: ${recorded.id}`, async () => {
    const { exitCode, seen, wanted, output } = await replay(recorded)
    assert.deepEqual({ failed: exitCode !== 0, seen }, { failed: recorded.exit_code !== 0, seen: wanted }, output.stderr)
    if (recorded.exit_code !== 0) assert.match(output.stderr, /error: /)
  })
}

test('the reasons name commands that were recorded', () => {
  const ids = commands.map(({ id }) => id)
  assert.deepEqual(
    Object.keys(OTHERWISE).filter(id => !ids.includes(id)),
    [],
  )
  assert.deepEqual(
    Object.keys(SCRIPTS_OTHERWISE).filter(row => !ids.some(id => id.endsWith(`-${row}`))),
    [],
  )
})

function scriptsOf(request: { body: unknown } | undefined, envelope: string): unknown {
  return (request?.body as Record<string, Record<string, unknown>> | undefined)?.[envelope]?.['user_scripts']
}

test('a Windows script is sent as its file has it', async () => {
  const { seen } = await replay(commands.find(one => one.id === 'script-transfer-create-g-explicit-firstboot')!)
  const script = { phase: 'replica_first_boot', payload: 'Write-Host c\r\n' }
  assert.deepEqual(scriptsOf(seen[0], 'transfer'), {
    global: { windows: [script] },
    instances: {},
  })
})

for (const [id, path, body] of [
  ['script-transfer-update-g-unregister', 'transfer', { global: { linux: null }, instances: {} }],
  ['script-transfer-update-g-add-then-unregister', 'transfer', { global: { linux: null }, instances: {} }],
  ['script-transfer-update-i-unregister', 'transfer', { global: {}, instances: { vm1: null } }],
] as const) {
  test(`an update removes scripts: ${id}`, async () => {
    const { seen } = await replay(commands.find(one => one.id === id)!)
    assert.deepEqual(scriptsOf(seen.at(-1), path), body)
  })
}
