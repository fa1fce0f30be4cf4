import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareBytes, inScriptOrder } from './order.ts'

test('numbers first, then bytes; no number is 0; a hyphen is a minus', () => {
  for (const sorted of [
    ['00-fix', '01-setup', '9-first', '15-x', '51-hosts', '51-init', '99-done', '100-a'],
    ['-10-y', '-3-x', '-dash', '0-z', '00', '_u', 'abc', '1-x'],
    ['002-z', '02-c', '2-a', '10', '10-B', '10-a', '10-b', '10_a', '10a'],
    ['0x10', '1e3', '99999999999999999998', '99999999999999999999', '100000000000000000000'],
    ['1.05', '1.5', '1.50', '1.6', '2.'],
  ]) {
    assert.deepEqual(inScriptOrder(sorted.toReversed()), sorted)
  }
})

test('the order is that of sort -n in the C locale', () => {
  const name = fc.oneof(
    fc.stringMatching(/^[ \t-]?[0-9]{0,25}[.]?[0-9]{0,4}[A-Za-z_.-]{0,3}$/),
    fc.string({ unit: fc.constantFrom('0', '1', '9', '-', '_', '.', 'a', 'Z', 'é', '￾', '𝄞'), minLength: 1, maxLength: 6 }),
  )
  const names = fc.array(name, { maxLength: 100 })

  fc.assert(
    fc.property(names, list => {
      const sorted = spawnSync('sort', ['-n'], { input: list.map(one => `${one}\n`).join(''), env: { LC_ALL: 'C' }, encoding: 'utf8' })
      assert.deepEqual(inScriptOrder(list), sorted.stdout.split('\n').slice(0, -1))
    }),
    { numRuns: 60 },
  )
})

test('bytes of UTF-8 decide, not UTF-16', () => {
  assert.deepEqual(['𝄞', '￾', 'z', 'é'].toSorted(compareBytes), ['z', 'é', '￾', '𝄞'])
})
