import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createProgram } from '../program.ts'
import { createTestProgram } from '../test-program.fixture.ts'
import { loadConfig } from './load-config.ts'
import { SETTINGS } from './settings.ts'

const dir = mkdtempSync(join(tmpdir(), 'instar-config-'))
after(() => rmSync(dir, { recursive: true }))

function file(text: string): string {
  const path = join(dir, 'config.yaml')
  writeFileSync(path, text)
  return path
}

const contextOf = (env: Record<string, string> = {}) =>
  createTestProgram({ dir, env: { XDG_CONFIG_HOME: join(dir, 'none'), ...env } }, []).context

test('flags stand above the environment, the environment above the file, the file above the defaults', async () => {
  const path = file('listen: 0.0.0.0:1\nrole: api\ndatabase:\n  connections: 9\nlog: { level: warn }\n')
  const context = contextOf({ INSTAR_CONFIG: path, INSTAR_ROLE: 'worker', INSTAR_DATABASE_CONNECTIONS: '12', INSTAR_LOG_LEVEL: '' })
  const { values, sources } = await loadConfig(context, { flags: { role: 'all' } })
  assert.deepEqual(
    [values.listen, values.role, values['database.connections'], values['log.level'], values['identity.token_lifetime_s']],
    ['0.0.0.0:1', 'all', 12, 'warn', 3600],
  )
  assert.deepEqual(
    [sources.listen, sources.role, sources['database.connections'], sources['log.level'], sources['identity.token_lifetime_s']],
    ['file', 'flag', 'environment', 'file', 'default'],
  )
})

test('all that is wrong is told at once, with names, guesses and limits, and no secret', async () => {
  const path = file(
    'lisen: x\nlisten: 7667\ndatabase: { connections: 2, url: "mysql://u:hunter2@h/d" }\nlog: warn\nsecret_key: hunter2\nworker: { platforms: [simulatr] }\nlimits:\n',
  )
  const program = createTestProgram({ dir, env: { INSTAR_ROLE: 'boss', INSTAR_TOKEN_LIFETIME_S: 'long' } }, [
    'config',
    'check',
    '--config',
    path,
  ])
  assert.equal(await program.runAndReport(), 3)
  for (const part of [
    `unknown setting "lisen"; did you mean "listen"?`,
    'listen 7667: is no HOST:PORT',
    'database.connections 2: is no whole number from 4 to 200',
    'INSTAR_TOKEN_LIFETIME_S: identity.token_lifetime_s "long": is no whole number from 60 to 604800',
    '"log" is a level and no setting; below it there are log.level',
    'database.url: is no postgres:// address',
    'secret_key: holds what is no key of 32 bytes in base64 or hex',
    'worker.platforms ["simulatr"]: is none of disk-images, simulator',
    'INSTAR_ROLE: role "boss": is none of all, api, worker',
  ]) {
    assert.ok(program.written.stderr.includes(part), `${part} in\n${program.written.stderr}`)
  }
  assert.doesNotMatch(program.written.stderr, /hunter2/)
})

test('a file of which everything is commented out means the defaults', async () => {
  for (const text of ['', '# listen: 0.0.0.0:1\n', '---\n', 'log:\n  # level: warn\n'])
    assert.equal((await loadConfig(contextOf(), { file: file(text) })).values.listen, '127.0.0.1:7667')
})

test('what is no YAML, has a key twice or is no settings is told with exit code 3 and a hint about YAML', async () => {
  for (const [text, problem] of [
    ['listen: [', /cannot be read as YAML/],
    ['secret_key: hunter2\nsecret_key: hunter2\n', /cannot be read as YAML[^]*unique at line 2, column 1/],
    ['- role: api\n', /is a list and no settings/],
    ['api\n', /is a string and no settings/],
  ] as const) {
    const program = createTestProgram({ dir }, ['config', 'check', '--config', file(text)])
    assert.equal(await program.runAndReport(), 3, text)
    assert.match(program.written.stderr, problem)
    assert.match(program.written.stderr, /hint: Write YAML/)
    assert.doesNotMatch(program.written.stderr, /hunter2/)
  }
  const missing = createTestProgram({ dir }, ['config', 'check', '--config', join(dir, 'gone.yaml')])
  assert.equal(await missing.runAndReport(), 3)
})

test('lists are lists in the file and words elsewhere; settings that need each other are told', async () => {
  const path = file('worker: { platforms: [disk-images, simulator] }\n')
  assert.deepEqual((await loadConfig(contextOf(), { file: path })).values['worker.platforms'], ['disk-images', 'simulator'])
  const { values } = await loadConfig(contextOf({ INSTAR_WORKER_PLATFORMS: 'simulator, disk-images' }), { file: path })
  assert.deepEqual(values['worker.platforms'], ['simulator', 'disk-images'])
  await assert.rejects(loadConfig(contextOf({ INSTAR_WEBHOOK_URL: 'https://h/' })), {
    message: 'webhook.url is set, and webhook.secret is not',
  })
})

test('a named file must be there, the usual one need not', async () => {
  await assert.rejects(loadConfig(contextOf(), { file: join(dir, 'gone.yaml') }), { code: 'config.invalid', message: /gone\.yaml/ })
  assert.equal((await loadConfig(contextOf())).file, undefined)
  mkdirSync(join(dir, 'home/instar'), { recursive: true })
  writeFileSync(join(dir, 'home/instar/config.yaml'), 'role: api\n')
  assert.equal((await loadConfig(contextOf({ XDG_CONFIG_HOME: join(dir, 'home') }))).values.role, 'api')
})

test('config show tells each value and its source, and hides secrets', async () => {
  const env = { XDG_CONFIG_HOME: dir, DATABASE_URL: 'postgres://u:hunter2@h/d' }
  const program = createTestProgram({ dir, env }, ['config', 'show', '-f', 'json'])
  await program.run()
  const rows = JSON.parse(program.written.stdout) as { Setting: string; Value: unknown; From: string }[]
  assert.deepEqual(
    rows.find(({ Setting }) => Setting === 'database.url'),
    { Setting: 'database.url', Value: '***', From: 'environment' },
  )
  assert.deepEqual(
    rows.find(({ Setting }) => Setting === 'role'),
    { Setting: 'role', Value: 'all', From: 'default' },
  )
  assert.doesNotMatch(program.written.stdout, /hunter2/)
})

test('the example of the documentation is a good configuration', async () => {
  const [, yaml = ''] = /```yaml\n([^]*?)```/.exec(readFileSync('docs/reference/configuration.md', 'utf8')) ?? []
  const { values } = await loadConfig(contextOf(), { file: file(yaml) })
  assert.equal(values.public_url, 'https://instar.example:7667')
})

test('the flags of instar serve are those that the table of settings names', async () => {
  const program = await createProgram(contextOf(), () => undefined)
  const serve = program.commands.find(command => command.name() === 'serve')
  const flags = Object.values<{ flag?: string }>(SETTINGS).flatMap(({ flag }) => flag ?? [])
  assert.deepEqual(serve?.options.map(({ long }) => long).sort(), ['--config', ...flags].sort())
})
