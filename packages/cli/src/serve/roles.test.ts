import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createTestStore } from '@instar/store/testing'
import { createTestProgram } from '../test-program.fixture.ts'
import { exported, spawnServe } from './spawn-serve.fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'instar-roles-'))
chmodSync(dir, 0o755)
after(() => rmSync(dir, { recursive: true, force: true }))

test('an API and a worker, each a process of its own on one PostgreSQL, move a machine from the command line', async () => {
  await using store = await createTestStore()
  const shared = { DATABASE_URL: store.url, INSTAR_SECRET_KEY: randomBytes(32).toString('base64'), INSTAR_ADMIN_PASSWORD: 'open sesame' }
  await using api = await spawnServe(dir, ['--role', 'api', '--data-dir', join(dir, 'api')], shared)
  const simulated = { ...shared, INSTAR_WORKER_PLATFORMS: 'simulator', INSTAR_WORKER_NAME: 'worker-1' }
  await using worker = await spawnServe(dir, ['--role', 'worker', '--data-dir', join(dir, 'worker')], simulated)
  assert.match(worker.greeting, /a worker is ready/)
  const env = { ...exported(api.greeting), OS_PASSWORD: 'open sesame' }
  const run = async (...argv: string[]) => {
    const program = createTestProgram({ dir: join(dir, 'cli'), env, now: () => new Date() }, argv)
    assert.equal(await program.runAndReport(), 0, `${argv.join(' ')}: ${program.written.stderr}`)
    return program.written
  }
  const endpoint = (name: string) =>
    run(
      'endpoint',
      'create',
      '--name',
      name,
      '--provider',
      'simulator',
      '--connection',
      JSON.stringify({ folder: join(dir, name), machines: 2 }),
    )

  assert.equal((await run('service', 'list', '-f', 'value', '-c', 'Host', '-c', 'Status')).stdout, 'worker-1 UP\n')
  await endpoint('old')
  await endpoint('new')
  assert.equal((await run('endpoint', 'instance', 'list', 'old', '-f', 'value', '-c', 'Name')).stdout, 'vm-00001\nvm-00002\n')
  const script = join(dir, 'hello.sh')
  writeFileSync(script, 'echo hello\n')
  const ends = ['--origin-endpoint', 'old', '--destination-endpoint', 'new', '--instance', 'vm-00001', '--notes', 'web']
  await run('transfer', 'create', ...ends, '--user-script-global', `linux=${script}`)
  const executed = await run('transfer', 'execute', 'web', '--follow', '-f', 'value', '-c', 'status')
  assert.equal(executed.stdout, 'COMPLETED\n')
  assert.match(executed.stderr, /✓ vm-00001: replicate disks/)
  const planned = await run('transfer', 'plan', 'web', '-f', 'value', '-c', 'Phase', '-c', 'Runs')
  assert.equal(planned.stdout, 'osmorphing_post_os_mount true\n')
  assert.equal((await run('deployment', 'create', 'web', '--wait', '-f', 'value', '-c', 'status')).stdout, 'COMPLETED\n')
  const executions = await run('transfer', 'execution', 'list', 'web', '-f', 'value', '-c', 'Number', '-c', 'Status')
  assert.equal(executions.stdout, '1 COMPLETED\n')
  assert.equal((await run('diagnostics', 'get', '-f', 'value', '-c', 'Application')).stdout, 'instar-worker\n')
  assert.match((await run('log', 'list', '-f', 'value')).stdout, /^instar-api$/m)
})

test('a worker that is told to offer a platform that there is not does not start', async () => {
  await using store = await createTestStore()
  const env = { DATABASE_URL: store.url, INSTAR_SECRET_KEY: randomBytes(32).toString('base64'), INSTAR_WORKER_PLATFORMS: 'vmwear' }

  const started = spawnServe(dir, ['--role', 'worker', '--data-dir', join(dir, 'wrong')], env)

  await assert.rejects(started, { message: /ended with 3: .*worker\.platforms \["vmwear"\]: is none of disk-images, simulator/s })
})

test('a worker with another key than the API does not start', async () => {
  await using store = await createTestStore()
  const keyed = (word: string) => ({ DATABASE_URL: store.url, INSTAR_SECRET_KEY: Buffer.alloc(32, word).toString('base64') })
  await using _api = await spawnServe(dir, ['--role', 'api', '--data-dir', join(dir, 'keyed')], keyed('a'))

  const started = spawnServe(dir, ['--role', 'worker', '--data-dir', join(dir, 'other')], keyed('b'))

  await assert.rejects(started, { message: /ended with 3: .* {2}\[store\.unknown-key\]/s })
})
