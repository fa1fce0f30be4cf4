import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InstarEvent } from '@instar/contract'
import { createLiveView } from './live.ts'
import { createPlainView } from './plain.ts'

const event = (seconds: number, body: Partial<InstarEvent>): InstarEvent => ({
  version: 1,
  seq: seconds + 1,
  at: new Date(seconds * 1000).toISOString(),
  run_id: 'r',
  kind: 'step',
  ...body,
})

function output() {
  const written: string[] = []
  return { written, write: (text: string) => void written.push(text), writeBytes: async () => undefined, isTerminal: true, columns: 40 }
}

test('plain lines show steps with their time and output with its stream, without escape sequences', () => {
  const out = output()
  const view = createPlainView(out)

  view.take(event(0, { step: 'Mounting', state: 'started' }))
  view.take(event(2, { step: 'Mounting', state: 'succeeded' }))
  view.take(event(2, { kind: 'script', step: 'a', state: 'started', script_run_id: '1', message: 'post 1: a' }))
  view.take(event(3, { kind: 'output', stream: 'stdout', message: 'one\ntw' }))
  view.take(event(3, { kind: 'output', stream: 'stdout', message: 'o\u001B[2J\u0007\n' }))
  view.take(event(3, { kind: 'output', stream: 'stderr', message: 'oh' }))
  view.take(event(14, { kind: 'script', step: 'a', state: 'failed', script_run_id: '1', message: 'post 1: a failed' }))
  view.close()

  assert.equal(out.written.join(''), '✓ Mounting (2.0 s)\n  > post 1: a\n    | one\n    | two\n    ! oh\n  ✗ post 1: a failed (12 s)\n')
})

test('the live view redraws the running step below the finished ones and clears it at the end', () => {
  const out = output()
  const view = createLiveView(out, () => 5000)

  view.take(event(0, { step: 'Building the appliance', state: 'started' }))
  view.take(event(1, { kind: 'progress', percent: 50, message: 'unpacking' }))
  view.take(event(2, { kind: 'warning', message: 'a word' }))
  view.close()

  const text = out.written.join('')
  assert.match(text, /a word/)
  assert.match(text, /» Building the appliance/)
  assert.ok(text.split('\n').every(row => row.replaceAll(new RegExp(String.raw`\u001B\[\d*[A-Zm]`, 'g'), '').length < 60))
  assert.ok(text.endsWith('\u001B[1A\u001B[J'))
})
