import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readExpiration } from './schedule.ts'

const now = new Date('2030-01-01T00:00:00Z')
const read = (text: string) => readExpiration(text, now)?.toISOString()

test('a time is read in every form of ISO 8601, in UTC where it has no zone, whatever zone the process is in', t => {
  const zone = process.env['TZ']
  process.env['TZ'] = 'America/New_York'
  t.after(() => (zone === undefined ? delete process.env['TZ'] : (process.env['TZ'] = zone)))

  for (const text of [
    '2030-01-02T03:04:05',
    '2030-01-02T03:04:05Z',
    '2030-01-02 03:04:05',
    '2030-01-02T03:04:05.999999',
    '20300102T030405Z',
    '2030-01-02T05:04:05+02:00',
    '2030-01-01T21:34:05-0530',
  ]) {
    assert.equal(read(text), '2030-01-02T03:04:05.000Z', text)
  }
  assert.equal(read('2030-01-02'), '2030-01-02T00:00:00.000Z')
  assert.equal(readExpiration(null, now), null)
})

test('nonsense, days that no calendar has and the past are refused', () => {
  for (const text of ['', 'soon', '2030-02-30T00:00:00Z', '2030-13-01', '2030-01-02T24:61:00', '2030-0102', '1893456000'])
    assert.throws(() => read(text), { code: 'api.bad-request', message: /no time/ }, text)
  assert.throws(() => read('2029-12-31T23:59:59Z'), { code: 'api.bad-request', message: /past/ })
})
