import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { beginScriptRun } from '@instar/contract/scripts'
import { createScriptFiles } from './script-files.ts'

test('the place of an output names the files that hold it', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'script-files-'))
  const run = beginScriptRun({
    id: 'id1',
    runId: 'r1',
    phase: 'osmorphing_post_os_mount',
    source: 'dir',
    name: 'a',
    order: 1,
    attempt: 1,
    startedAt: new Date(),
    payloadSha256: '0'.repeat(64),
  })

  const log = await createScriptFiles(dir).open(run, 'true\n')
  await log.write('stderr', Buffer.from('no licence'))
  await log.close(run)

  const files = log.place.split(' and ')
  assert.deepEqual(
    files.map(file => readFileSync(file, 'utf8')),
    ['', 'no licence'],
  )
  rmSync(dir, { recursive: true })
})
