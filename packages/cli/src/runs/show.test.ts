import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
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

test('kept work is shown where it is now, and removed only when every run that is named is known', async () => {
  const id = '20260105-0304-dddddd'
  const at = join(dir, '.instar-layers', 'layer-1-2-3-44444444-abcDEF')
  const image = { path: run.images[0], format: 'qcow2', virtual_bytes: 1, allow_backing: [] }
  const identity = { inode: '1', sizeBytes: 1, modifiedNs: '1' }
  const kept = { version: 1, run_id: id, reason: 'error', kept_at: '2026-01-05T03:04:06Z', order: 0, layer_virtual_bytes: 1 }
  mkdirSync(at, { recursive: true })
  writeFileSync(join(at, 'keep.json'), JSON.stringify({ ...kept, image: { ...image, identity } }))
  await save({ id, started_at: '2026-01-05T03:04:05Z', kept_layers: [join(dir, '.instar-layers/as-it-was-called/layer.qcow2')] })
  const say = async (...argv: string[]) => {
    const { written, run: command } = createTestProgram({ dir }, ['run', ...argv])
    await command()
    return written.stdout
  }

  assert.match(await say('list'), new RegExp(`^${id} {2}failed, kept {2}`, 'm'))
  assert.match(await say('show', id), new RegExp(`^kept {5}${join(at, 'layer.qcow2')}$`, 'm'))
  await assert.rejects(say('discard', id, 'nonsense'), { code: 'run.unknown' })
  assert.ok(existsSync(at))
  assert.equal(await say('discard', id), `run ${id}: 1 kept layer removed\n`)
  assert.ok(!existsSync(at))
  assert.doesNotMatch(await say('show', id), /^kept/m)
})
