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

const report = { system: 'Debian 12', scripts: [], firstBootScripts: 0, changed: [], steps: [], warnings: [] }
const task = { instance: 'web', images: ['/web.qcow2'], options: {} } as unknown as Parameters<typeof describeReport>[1]

test('the summary of a run that went on though a script failed says so', () => {
  const scripts = [{ ...begun, ended_at: begun.started_at, exit_code: 3 }]

  const summary = describeReport({ ...report, scripts }, task, 'r1')

  assert.equal(summary.split('\n')[1], 'done, but 1 script failed: licence.sh (exit 3)')
})

test('the summary of a run in which all went well tells of no failure', () => {
  assert.doesNotMatch(describeReport(report, task, 'r1'), /failed/)
})
