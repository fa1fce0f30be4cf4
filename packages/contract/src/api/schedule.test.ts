import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firesAt } from './schedule.ts'

// A Sunday.
const time = new Date('2026-11-29T03:30:00Z')

test('fires when every given field equals the UTC clock, Monday being 0', () => {
  assert.equal(firesAt({}, time), true)
  assert.equal(firesAt({ hour: 3, minute: 30, dom: 29, month: 11, dow: 6 }, time), true)
  assert.equal(firesAt({ hour: 3 }, time), true)
})

test('does not fire when one field differs', () => {
  for (const timetable of [{ minute: 31 }, { hour: 4 }, { dom: 28 }, { month: 10 }, { dow: 0 }, { hour: 3, dow: 5 }]) {
    assert.equal(firesAt(timetable, time), false, JSON.stringify(timetable))
  }
})
