import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InstarEvent } from '@instar/contract'
import { createRedrawnRows } from './draw.ts'
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

/** A terminal's control characters: colours and clearing, which leave all in its place, and steps up. */
const COLOURS = new RegExp(String.raw`\u001B\[\d+m|\u001B\[[KJ]|\r`, 'g')
const PIECES = new RegExp(String.raw`([^\u001B\n]+)|\u001B\[(\d+)A|\n`, 'g')

/** What a terminal shows of what was written to it; the last row is where its cursor stands. */
function screenOf({ written }: { written: readonly string[] }): string[] {
  const rows = ['']
  let at = 0
  for (const [, text, up] of written.join('').replaceAll(COLOURS, '').matchAll(PIECES)) {
    if (text !== undefined) rows[at] += text
    else if (up === undefined) rows[(at += 1)] ??= ''
    // All rows from there on are written anew.
    else rows.splice((at -= Number(up)), Infinity, '')
  }
  return rows
}

test('the live view shows what goes on below what has ended, with its time and a bar, and leaves only the lines', () => {
  const out = output()
  let now = 0
  const view = createLiveView({ ...out, columns: 100 }, () => now)

  view.take(event(0, { step: 'Starting the appliance', state: 'started' }))
  view.take(event(0, { step: 'Building the appliance', state: 'started' }))
  view.take(event(1, { kind: 'progress', step: 'Building the appliance', percent: 50, message: 'Building the appliance: unpacking' }))
  now = 1000
  view.take(event(1, { kind: 'warning', message: 'a word' }))
  assert.deepEqual(screenOf(out), ['! a word', '» Building the appliance (1.0 s) [██████████          ] 50 % unpacking', ''])
  view.take(event(2, { step: 'Building the appliance', state: 'succeeded' }))
  view.take(event(2, { kind: 'progress', message: 'Starting the appliance (tcg)' }))
  now = 2000
  view.take(event(2, { kind: 'warning', message: 'another' }))
  assert.match(screenOf(out).at(-2) ?? '', /^» Starting the appliance \(2\.0 s\) \[ {10}█{5} {5}\] \(tcg\)$/)
  view.take(event(3, { step: 'Starting the appliance', state: 'succeeded' }))
  view.close()

  assert.deepEqual(screenOf(out), ['! a word', '✓ Building the appliance (2.0 s)', '! another', '✓ Starting the appliance (3.0 s)', ''])
})

test('the live view keeps the last lines of each script, its streams apart, however much it prints', () => {
  const out = output()
  const view = createLiveView({ ...out, columns: 60 }, () => 0)
  const many = Array.from({ length: 10_000 }, (_, index) => `line ${index}\n`).join('')

  view.take(event(0, { step: 'Running', state: 'started' }))
  view.take(event(0, { kind: 'script', step: 'a', state: 'started', script_run_id: '1', message: 'post 1: a' }))
  view.take(event(0, { kind: 'output', stream: 'stdout', message: many }))
  view.take(event(0, { kind: 'output', stream: 'stderr', message: 'no route\nto lic' }))
  view.take(event(0, { kind: 'output', stream: 'stdout', message: 'rest \u001B[2J' }))
  view.take(event(0, { kind: 'warning', message: 'w' }))
  const during = screenOf(out)
  view.take(event(2, { kind: 'script', step: 'a', state: 'failed', script_run_id: '1', message: 'post 1: a failed' }))
  view.take(event(3, { step: 'Running', state: 'failed' }))
  view.close()

  const lines = ['    | line 9997', '    | line 9998', '    | line 9999', '    ! no route', '    | rest ', '    ! to lic']
  assert.deepEqual(during, ['! w', '» post 1: a (0.0 s)', ...lines, ''])
  assert.deepEqual(screenOf(out), [
    '! w',
    '  ✗ post 1: a failed (2.0 s)',
    '    … 9997 lines before these',
    ...lines,
    '✗ Running (3.0 s)',
    '',
  ])
})

test('rows are cut to what the terminal shows of them, wide letters counted as two, and few of them drawn where it is low', () => {
  const out = output()
  const view = createLiveView({ ...out, columns: 20, rows: 4 }, () => 0)

  view.take(event(0, { kind: 'script', step: 'a', state: 'started', script_run_id: '1', message: 'a' }))
  view.take(
    event(0, {
      kind: 'output',
      stream: 'stdout',
      message: '1\n2\n日本語の行です日本語の行です\ne\u0301e\u0301e\u0301e\u0301e\u0301e\u0301\n',
    }),
  )
  view.take(event(0, { kind: 'warning', message: 'w' }))

  assert.deepEqual(screenOf(out), ['! w', '» a (0.0 s)', '    | 日本語の行で…', `    | ${'e\u0301'.repeat(6)}`, ''])
  view.close()
})

test('what a terminal made narrower has broken into several rows is drawn over as a whole', () => {
  const rows = createRedrawnRows()

  rows.draw(['x'.repeat(50)], { columns: 80 })

  assert.ok(rows.draw(['x'], { columns: 30 }).startsWith('\r\u001B[2A'))
})
