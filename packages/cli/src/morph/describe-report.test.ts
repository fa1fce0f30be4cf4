import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beginScriptRun } from '@instar/contract/scripts'
import { describeReport } from './describe-report.ts'

const begun = beginScriptRun({
  id: 'id1',
  runId: 'r1',
  phase: 'osmorphing_post_os_mount',
  source: 'dir',
  name: 'licence.sh',
  order: 1,
  attempt: 1,
  startedAt: new Date(),
  payloadSha256: '0'.repeat(64),
})

const report = { system: 'Debian 12', scripts: [], firstBootScripts: 0, changed: [], isUnchanged: false, steps: [], warnings: [] }
const task = { instance: 'web', images: ['/web.qcow2'], options: {}, isResumed: false } as unknown as Parameters<typeof describeReport>[1]

test('the summary of a run that went on though a script failed says so', () => {
  const scripts = [{ ...begun, ended_at: begun.started_at, exit_code: 3 }]

  const summary = describeReport({ ...report, scripts }, task, 'r1')

  assert.equal(summary.split('\n')[1], 'done, but 1 script failed: licence.sh (exit 3)')
})

test('the summary of a run in which all went well tells of no failure', () => {
  assert.doesNotMatch(describeReport(report, task, 'r1'), /failed/)
})

test('the summary says that no image was written where nothing was changed, unless a new one was asked for or an earlier run had changed it', () => {
  const written = (more: object) =>
    describeReport({ ...report, isUnchanged: true }, { ...task, ...more }, 'r1')
      .split('\n')
      .at(-2)

  assert.equal(written({}), 'written: nothing, as nothing was changed')
  assert.equal(written({ options: { output: ['/new.qcow2'] } }), 'written: /new.qcow2')
  assert.equal(written({ options: { minion: 'ssh://m', device: ['/dev/vdb'] } }), 'written: /dev/vdb')
  assert.equal(written({ isResumed: true }), 'written: /web.qcow2')
})
