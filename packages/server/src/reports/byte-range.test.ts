import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRange } from './byte-range.ts'

test('from-to, from on, and the last bytes', () => {
  assert.deepEqual(readRange('bytes=0-3', 10), { from: 0, to: 4 })
  assert.deepEqual(readRange('bytes=4-', 10), { from: 4, to: 10 })
  assert.deepEqual(readRange('bytes=-3', 10), { from: 7, to: 10 })
  assert.deepEqual(readRange('bytes=-30', 10), { from: 0, to: 10 })
  assert.deepEqual(readRange('bytes=2-999', 10), { from: 2, to: 10 })
})

test('what is outside, turned round, several or no range at all is refused', () => {
  for (const header of ['bytes=10-', 'bytes=5-4', 'bytes=0-1,3-4', 'bytes=-', 'lines=1-2', 'x']) {
    assert.throws(() => readRange(header, 10), { code: 'api.bad-range' }, header)
  }
})
