import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ScriptRun } from '@instar/contract'
import { resumePoint } from './resume-point.ts'

const PRE = 'osmorphing_pre_os_mount'
const POST = 'osmorphing_post_os_mount'

function ran(phase: string, order: number, change: Partial<ScriptRun> = {}): ScriptRun {
  return {
    version: 1,
    id: `${phase}-${order}`,
    run_id: 'r',
    phase,
    source: 'instance',
    name: 'x',
    order,
    attempt: 1,
    started_at: '2026-01-01T00:00:00.000Z',
    ended_at: '2026-01-01T00:00:01.000Z',
    exit_code: 0,
    signal: null,
    timed_out: false,
    interrupted: false,
    stdout_bytes: 0,
    stderr_bytes: 0,
    payload_sha256: '',
    ...change,
  }
}

test('a failed script runs again; after a failed step the next script comes', () => {
  const scripts = [ran(PRE, 1), ran(POST, 1), ran('osmorphing_on_error', 1)]

  assert.deepEqual(resumePoint({ details: { phase: POST, order: 1 }, scripts, begunAt: undefined }), { phase: POST, order: 1 })
  assert.deepEqual(resumePoint({ details: {}, scripts, begunAt: undefined }), { phase: POST, order: 2 })
  assert.equal(resumePoint({ details: {}, scripts: [], begunAt: undefined }), undefined)
})

test('a script that Ctrl-C or a lost minion cut off is not taken as done', () => {
  const cut = ran(POST, 2, { interrupted: true, exit_code: null })

  assert.deepEqual(resumePoint({ details: {}, scripts: [ran(POST, 1), cut], begunAt: undefined }), { phase: POST, order: 2 })
  assert.deepEqual(resumePoint({ details: {}, scripts: [ran(POST, 1, { ended_at: null })], begunAt: undefined }), { phase: POST, order: 1 })
})

test('a resumed run that fails early does not forget what was done before it', () => {
  const begunAt = { phase: POST, order: 3 }

  assert.deepEqual(resumePoint({ details: { phase: PRE, order: 1 }, scripts: [], begunAt }), begunAt)
  assert.deepEqual(resumePoint({ details: {}, scripts: [ran(PRE, 1)], begunAt }), begunAt)
  assert.deepEqual(resumePoint({ details: {}, scripts: [ran(PRE, 1), ran(POST, 3)], begunAt }), { phase: POST, order: 4 })
})
