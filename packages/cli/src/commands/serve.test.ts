import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createTestProgram } from '../test-program.fixture.ts'

const dir = mkdtempSync(join(tmpdir(), 'instar-serve-folder-'))
after(() => rmSync(dir, { recursive: true }))

test('a data folder that cannot be one is told with the names that the service has for it', async () => {
  writeFileSync(join(dir, 'file'), '')
  mkdirSync(join(dir, 'data'))
  writeFileSync(join(dir, 'data', 'logs'), '')
  for (const dataDir of ['file', 'file/below', 'data']) {
    const program = createTestProgram({ dir, env: {} }, ['serve', '--data-dir', join(dir, dataDir)])

    assert.equal(await program.runAndReport(), 3, dataDir)
    assert.match(program.written.stderr, /host\.no-access/)
    assert.match(program.written.stderr, /hint: .*--data-dir or INSTAR_DATA_DIR/)
  }
})
