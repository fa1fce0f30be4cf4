import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Command } from 'commander'
import { createProgram } from '../program.ts'
import { createTestProgram } from '../test-program.fixture.ts'
import { PASSWORD, startFakeService, type Answer, type Seen } from './fake-service.fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'instar-look-up-'))
after(() => rmSync(dir, { recursive: true }))

const id = (end: string) => `00000000-0000-4000-8000-0000000000${end}`

/** What the service lists, by the last part of the path. */
const LISTS: Readonly<Record<string, readonly object[]>> = {
  endpoints: [{ id: id('ac'), name: 'dc' }],
  transfers: [{ id: id('aa'), notes: 'web' }],
  executions: [
    { id: `ff${id('02').slice(2)}`, number: 2 },
    { id: `ee${id('01').slice(2)}`, number: 1 },
  ],
  schedules: [{ id: `dd${id('01').slice(2)}` }],
  deployments: [],
  minion_pools: [],
  regions: [{ id: id('ab'), name: 'west' }],
  services: [{ id: id('ad'), host: 'host-1' }],
  users: [{ id: id('bb'), name: 'bob' }],
  projects: [{ id: id('cc'), name: 'lab' }],
  roles: ['admin', 'member', 'reader'].map(name => ({ id: name, name })),
}

async function asked(...argv: string[]) {
  await using service = await startFakeService(({ method, path }: Seen): Answer | undefined => {
    const key = path.split('/').at(-1)!
    return method === 'GET' && key in LISTS ? { status: 200, body: { [key]: LISTS[key] } } : undefined
  })
  const env = { OS_AUTH_URL: `${service.url}/identity`, OS_USERNAME: 'admin', OS_PASSWORD: PASSWORD, OS_PROJECT_NAME: 'admin' }
  const program = createTestProgram({ dir, env }, argv)
  const exitCode = await program.runAndReport()
  return { exitCode, stderr: program.written.stderr, seen: service.seen }
}

const NOWHERE = [
  ['endpoint', 'show', 'x'],
  ['transfer', 'show', 'x'],
  ['transfer', 'execution', 'show', 'web', 'x'],
  ['transfer', 'schedule', 'show', 'web', 'x'],
  ['deployment', 'show', 'x'],
  ['minion', 'pool', 'show', 'x'],
  ['region', 'show', 'x'],
  ['service', 'show', 'x'],
  ['user', 'show', 'x'],
  ['project', 'show', 'x'],
]

for (const argv of NOWHERE) {
  test(`what is not there is told with the command that lists what is: ${argv.join(' ')}`, async () => {
    const { exitCode, stderr } = await asked(...argv)
    const [, command = ''] = /^hint: See instar ([a-z ]+ list)/m.exec(stderr) ?? []

    assert.equal(exitCode, 3, stderr)
    const program = await createProgram(createTestProgram({ dir }, []).context, () => undefined, 'all')
    const named = command.split(' ').reduce<Command | undefined>((at, word) => at?.commands.find(one => one.name() === word), program)
    assert.ok(named, `there is no instar ${command}`)
  })
}

for (const [argv, path] of [
  [['transfer', 'execution', 'show', 'web', 'ff00'], `/transfers/${id('aa')}/executions/ff000000-0000-4000-8000-000000000002`],
  [['transfer', 'schedule', 'show', 'web', 'DD00'], `/transfers/${id('aa')}/schedules/dd000000-0000-4000-8000-000000000001`],
  [['transfer', 'schedule', 'delete', 'web', 'dd00'], `/transfers/${id('aa')}/schedules/dd000000-0000-4000-8000-000000000001`],
] as const) {
  test(`the beginning of an id is enough: ${argv.join(' ')}`, async () => {
    const { seen } = await asked(...argv)

    assert.ok(seen.at(-1)!.path.endsWith(path), seen.at(-1)!.path)
  })
}

for (const [noun, name] of [
  ['endpoint', 'dc'],
  ['service', 'host-1'],
] as const) {
  test(`an empty region takes all regions off: ${noun} update`, async () => {
    const none = await asked(noun, 'update', name, '--coriolis-region', '')
    const west = await asked(noun, 'update', name, '--coriolis-region', 'west')

    assert.deepEqual((none.seen.at(-1)!.body as Record<string, object>)[noun], { mapped_regions: [] }, none.stderr)
    assert.deepEqual((west.seen.at(-1)!.body as Record<string, object>)[noun], { mapped_regions: [id('ab')] }, west.stderr)
  })
}

test('a role that is none is told with those that are: no command lists them', async () => {
  const { exitCode, stderr } = await asked('user', 'role', 'add', 'bob', 'redaer', '--in', 'lab')

  assert.equal(exitCode, 3)
  assert.equal(
    stderr,
    'error: there is no role "redaer"; did you mean "reader"?  [api.not-found]\nhint: The roles are: admin, member, reader.\n',
  )
})
