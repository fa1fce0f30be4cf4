import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { PASSWORD, startFakeService } from '../service/fake-service.fixture.ts'
import { createTestProgram } from '../test-program.fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'instar-endpoint-instances-'))
after(() => rmSync(dir, { recursive: true }))

test('what the list of machines leaves out is a warning on stderr, and the list stays clean', async () => {
  const id = '00000000-0000-4000-8000-0000000000e1'
  const machine = { id: 'web', name: 'web', num_cpu: 1, memory_mb: 512, os_type: 'linux' }
  await using service = await startFakeService(({ path }) => {
    if (path.endsWith('/endpoints')) return { status: 200, body: { endpoints: [{ id, name: 'old' }] } }
    return { status: 200, body: { instances: [machine], warnings: ['db is left out: db.yaml is no YAML'] } }
  })
  const env = { OS_AUTH_URL: `${service.url}/identity`, OS_USERNAME: 'admin', OS_PASSWORD: PASSWORD, OS_PROJECT_NAME: 'admin' }
  const program = createTestProgram({ dir, env }, ['endpoint', 'instance', 'list', 'old', '-f', 'json'])

  assert.equal(await program.run(), 0)
  assert.equal(program.written.stderr, '! db is left out: db.yaml is no YAML\n')
  assert.equal((JSON.parse(program.written.stdout) as unknown[]).length, 1)
})
