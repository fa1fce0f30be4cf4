import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ScriptRun } from '@instar/contract'
import fc from 'fast-check'
import { createFirstBootReader, parseFirstBootResults } from './results.ts'

const result = (over: Record<string, unknown> = {}): string =>
  JSON.stringify({
    version: 1,
    id: 'r1-firstboot-1-1',
    run_id: 'r1',
    phase: 'replica_first_boot',
    source: 'instance',
    name: 'hello',
    order: 1,
    attempt: 1,
    started_at: '2026-01-02T03:04:05Z',
    ended_at: '2026-01-02T03:04:06Z',
    exit_code: 0,
    signal: null,
    timed_out: false,
    interrupted: false,
    stdout_bytes: 3,
    stderr_bytes: 0,
    payload_sha256: 'a'.repeat(64),
    left_running: ['12 sleep 100'],
    notes: [],
    output_base64: 'aGkK',
    ...over,
  })
const END = '{"version":1,"run_id":"r1","state":"complete","reason":"","succeeded":1,"failed":0,"skipped":0,"boots":1}'
const names = (text: string): string[] => parseFirstBootResults(text).results.map(each => each.run.name)

test('reads results and the end from a console', () => {
  const report = parseFirstBootResults(`[    1.2] Linux\r\n\r\nINSTAR-FIRSTBOOT ${result()}\r\nlogin: \r\nINSTAR-FIRSTBOOT ${END}\r\n`)

  assert.equal(report.results[0]?.output.toString(), 'hi\n')
  assert.deepEqual(ScriptRun.parse(report.results[0]?.run), report.results[0]?.run)
  assert.deepEqual(report.ends[0], { run_id: 'r1', state: 'complete', reason: '', succeeded: 1, failed: 0, skipped: 0, boots: 1 })
  assert.equal(report.damaged, 0)
})

test('reads a port stream and results.jsonl, where no word stands before the JSON', () => {
  const report = parseFirstBootResults(`${result()}\n${END}`)

  assert.equal(report.results.length, 1)
  assert.equal(report.ends.length, 1)
})

test('takes a result that two consoles or two boots tell for one', () => {
  const reader = createFirstBootReader()

  const items = reader.push(
    `INSTAR-FIRSTBOOT ${result()}\nINSTAR-FIRSTBOOT ${result()}\nINSTAR-FIRSTBOOT ${END}\nINSTAR-FIRSTBOOT ${END}\n`,
  )

  assert.deepEqual(
    items.map(each => each.kind),
    ['result', 'end'],
  )
})

test('keeps the later end of a run that gave up first', () => {
  const report = parseFirstBootResults(`${END.replace('complete', 'aborted')}\n${END}\n`)

  assert.deepEqual(
    report.ends.map(each => each.state),
    ['complete'],
  )
})

test('joins a line that the kernel tore', () => {
  const line = `INSTAR-FIRSTBOOT ${result()}`
  const at = line.indexOf('started')

  const torn = `${line.slice(0, at)}[   12.345678] usb 1-1: new device\r\n[   12.345679][  T12] usb 1-1: again\r\n${line.slice(at)}\r\n`

  assert.deepEqual(names(torn), ['hello'])
})

test('reads through colours, a prompt before the word, and the word in a name', () => {
  const name = 'INSTAR-FIRSTBOOT {"version":1} INSTAR-FIRSTBOOT {'

  assert.deepEqual(names(`\u001b[32mdebian login:\u001b[0m INSTAR-FIRSTBOOT ${result({ name })}\n`), [name])
})

test('counts a line that was cut off, and goes on', () => {
  const report = parseFirstBootResults(`INSTAR-FIRSTBOOT ${result().slice(0, 200)}\nINSTAR-FIRSTBOOT ${result({ order: 2 })}\n`)

  assert.equal(report.damaged, 1)
  assert.deepEqual(
    report.results.map(each => each.run.order),
    [2],
  )
})

for (const [what, over] of Object.entries({
  'a negative count': { stdout_bytes: -1 },
  'another version': { version: 2 },
  'a hash that is none': { payload_sha256: 'x' },
  'output that is not base64': { output_base64: 'a[ 1.2] b' },
  'a field that is missing': { name: undefined },
  'an object for a name': { name: { toString: 'x' } },
  'an endless name': { name: 'x'.repeat(10_000) },
})) {
  test(`does not take a result with ${what}`, () => {
    assert.deepEqual(names(`INSTAR-FIRSTBOOT ${result(over)}\n`), [])
  })
}

test('takes no field from a prototype', () => {
  const report = parseFirstBootResults(`{"version":1,"__proto__":${result()}}\n`)

  assert.equal(report.results.length, 0)
})

test('gives the same for any cut into pieces', () => {
  const text = `boot\r\nINSTAR-FIRSTBOOT ${result({ name: 'ü' })}\r\nnoise\nINSTAR-FIRSTBOOT ${END}\n`
  const bytes = Buffer.from(text)
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 8 }), cuts => {
      const reader = createFirstBootReader()
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length]
      for (const [index, at] of places.entries()) reader.push(bytes.subarray(at, places[index + 1] ?? bytes.length))

      assert.deepEqual(reader.finish(), parseFirstBootResults(text))
    }),
  )
})

test('survives any bytes, and reads what comes after them', () => {
  const noise = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map(bytes => Buffer.from(bytes)),
    fc
      .string({ unit: fc.constantFrom('INSTAR-FIRSTBOOT ', '{', '"', '[ 1.000000] ', '\u001b[', '\r', '\n', 'x', '{"version":1,') })
      .map(text => Buffer.from(text)),
  )
  fc.assert(
    fc.property(noise, before => {
      const report = parseFirstBootResults(Buffer.concat([before, Buffer.from(`\nINSTAR-FIRSTBOOT ${result()}\n`)]))

      assert.equal(report.results.length, 1)
    }),
    { numRuns: 500 },
  )
})

test('keeps no more than its limit of a line without end, and reads 20 MB of noise quickly', () => {
  const started = process.threadCpuUsage()

  const report = parseFirstBootResults(
    `INSTAR-FIRSTBOOT {"version":1,"name":"${'[ '.repeat(5_000_000)}\n${'\u001b[0;'.repeat(2_500_000)}\nINSTAR-FIRSTBOOT ${END}\n`,
  )

  assert.equal(report.ends.length, 1)
  const { user } = process.threadCpuUsage(started)
  assert.ok(user < 5_000_000, `${user} µs of CPU time`)
})
