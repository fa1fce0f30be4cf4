import assert from 'node:assert/strict'
import { test } from 'node:test'
import { beginScriptRun } from '@instar/contract/scripts'
import { failedScriptsOf } from './report.ts'

function ran(order: number, attempt: number, end: { exit_code: number | null; signal?: string; timed_out?: boolean }) {
  const begun = beginScriptRun({
    id: `${order}-${attempt}`,
    runId: 'r1',
    phase: 'osmorphing_post_os_mount',
    source: 'dir',
    name: `script ${order}`,
    order,
    attempt,
    startedAt: new Date(),
    payloadSha256: '0'.repeat(64),
  })
  return { ...begun, ended_at: begun.started_at, ...end }
}

test('scripts whose last attempt failed are named, and not those that succeeded in the end', () => {
  const failed = failedScriptsOf({
    scripts: [
      ran(1, 1, { exit_code: 1 }),
      ran(1, 2, { exit_code: 0 }),
      ran(2, 1, { exit_code: 1 }),
      ran(2, 2, { exit_code: 3 }),
      ran(3, 1, { exit_code: null, signal: 'SIGTERM', timed_out: true }),
      ran(4, 1, { exit_code: 0 }),
    ],
  })

  assert.deepEqual(
    failed.map(({ id, name, exit_code, signal, timed_out }) => [id, name, exit_code, signal, timed_out]),
    [
      ['2-2', 'script 2', 3, null, false],
      ['3-1', 'script 3', null, 'SIGTERM', true],
    ],
  )
})
