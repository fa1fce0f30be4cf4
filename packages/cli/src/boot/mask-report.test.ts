import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRedactor } from '@instar/morph'
import { parseFirstBootResults } from '@instar/phases'
import { maskReport } from './mask-report.ts'
import { rowOfResult } from './result-rows.ts'

const line = (output: string, notes: readonly string[] = []) =>
  JSON.stringify({
    version: 1,
    id: 'r1-firstboot-1-1',
    run_id: 'r1',
    phase: 'replica_first_boot',
    source: 'instance',
    name: 'a',
    order: 1,
    attempt: 1,
    started_at: '2026-01-02T03:04:05Z',
    ended_at: '2026-01-02T03:04:06Z',
    exit_code: 0,
    signal: null,
    timed_out: false,
    interrupted: false,
    stdout_bytes: 1,
    stderr_bytes: 0,
    payload_sha256: '0'.repeat(64),
    left_running: ['7 serve --key hunter22'],
    notes,
    output_base64: Buffer.from(output).toString('base64'),
  })

test('what a replica tells is shown without the secrets that the command was given', () => {
  const report = parseFirstBootResults(line('the key is hunter22\n'))

  const [result] = maskReport(report, createRedactor([{ name: 'k', value: Buffer.from('hunter22\n') }])).results

  assert.equal(result?.output.toString(), 'the key is ***\n')
  assert.deepEqual(result?.run.left_running, ['7 serve --key ***'])
})

test('a result without output shows why', () => {
  const [result] = parseFirstBootResults(line('', ['output left out: secrets cannot be masked in it'])).results

  assert.equal(rowOfResult(result!).at(-1), 'output left out: secrets cannot be masked in it')
})
