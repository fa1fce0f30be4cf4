import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Run } from '@instar/contract'
import { thisProcess } from '@instar/machine'
import { createTestProgram } from '../test-program.fixture.ts'
import { RunStore } from './run-store.ts'

const dir = mkdtempSync(join(tmpdir(), 'instar-runs-'))
after(() => rmSync(dir, { recursive: true }))

const run: Run = {
  version: 1,
  id: '20260102-0304-abcdef',
  instance: 'web',
  state: 'failed',
  argv: ['morph', 'my disk.qcow2', '--script', "it's.sh"],
  options: {},
  cwd: dir,
  images: [join(dir, 'my disk.qcow2')],
  owner: thisProcess(),
  started_at: '2026-01-02T03:04:05Z',
  ended_at: '2026-01-02T03:04:25Z',
}

async function save(...changes: readonly Partial<Run>[]): Promise<void> {
  for (const change of changes) await new RunStore(join(dir, 'state')).save({ ...run, ...change })
}

test('the command line of a run can be pasted into a shell', async () => {
  await save({})
  const { written, run: show } = createTestProgram({ dir }, ['run', 'show', 'last'])

  await show()

  assert.match(written.stdout, /^command {2}instar morph 'my disk\.qcow2' --script 'it'\\''s\.sh'$/m)
})

test('a beginning of several ids names these runs alone, and of many only the newest', async () => {
  await save({ id: '20260103-0304-aaaaaa' }, { id: '20260103-0305-bbbbbb', started_at: '2026-01-03T03:05:00Z' })
  for (let minute = 10; minute < 17; minute += 1)
    await save({ id: `20260104-03${minute}-cccccc`, started_at: `2026-01-04T03:${minute}:00Z` })
  const ask = (name: string) => createTestProgram({ dir }, ['run', 'show', name]).run()

  await assert.rejects(ask('20260103'), {
    code: 'run.unknown',
    message: '"20260103" begins the ids of 2 runs: 20260103-0305-bbbbbb, 20260103-0304-aaaaaa',
    hint: /Give more of the id/,
  })
  await assert.rejects(ask('20260104'), { message: /of 7 runs: 20260104-0316-cccccc, (?:\S+ ){4}and 2 older ones$/ })
})
