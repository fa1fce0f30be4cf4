import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { createTestStore } from '@instar/store/testing'
import { silent } from '../engine.fixture.ts'
import { matches } from './matches.ts'
import { fireDue, startTimetable, type TimetableOptions } from './timetable.ts'

const monday = new Date('2026-11-30T03:30:00Z')

test('all given fields must match the UTC clock; Monday is day 0', () => {
  const cases: [Parameters<typeof matches>[0], boolean][] = [
    [{}, true],
    [{ hour: 3 }, true],
    [{ hour: 3, minute: 30, dow: 0 }, true],
    [{ dow: 1 }, false],
    [{ dom: 30, month: 11 }, true],
    [{ dom: 30, dow: 6 }, false],
    [{ minute: 31 }, false],
  ]
  for (const [fields, expected] of cases) assert.equal(matches(fields, monday), expected, JSON.stringify(fields))
  assert.equal(matches({ dow: 6 }, new Date('2026-11-29T23:59:00Z')), true)
})

test('any number of servers fire an entry once in a minute, also after a restart, and a failing one has had its turn', async () => {
  await using store = await createTestStore()
  const [good, busy] = [randomUUID(), randomUUID()]
  const fired: string[] = []
  const options: TimetableOptions = {
    store,
    log: silent,
    clock: Date.now,
    list: async () => [good, busy].map(id => ({ id, fields: { minute: 30 }, since: new Date(0) })),
    fire: async (_trx, id, minute) => {
      fired.push(`${id === good ? 'good' : 'busy'} ${minute.toISOString().slice(11, 16)}`)
      if (id === busy && fired.filter(line => line.startsWith('busy')).length === 1) throw new Error('the transfer is busy')
    },
  }

  await Promise.all(Array.from({ length: 4 }, () => fireDue(options, monday)))
  await fireDue(options, monday)
  await fireDue(options, new Date('2026-11-30T03:31:00Z'))
  await fireDue(options, new Date('2026-11-30T04:30:00Z'))

  assert.deepEqual(fired.filter(line => line.startsWith('good')).sort(), ['good 03:30', 'good 04:30'])
})

test('an entry that was made or changed in this minute waits for the next one that matches', async () => {
  await using store = await createTestStore()
  const fired: Date[] = []
  const options: TimetableOptions = {
    store,
    log: silent,
    clock: Date.now,
    list: async () => [{ id: randomUUID(), fields: {}, since: new Date('2026-11-30T03:30:20Z') }],
    fire: async (_trx, _id, minute) => void fired.push(minute),
  }

  await fireDue(options, monday)
  await fireDue(options, new Date('2026-11-30T03:31:00Z'))

  assert.deepEqual(fired, [new Date('2026-11-30T03:31:00Z')])
})

test('a clock that is set forward skips minutes, and one set back fires none again', async () => {
  await using store = await createTestStore()
  const id = randomUUID()
  const fired: string[] = []
  let now = Date.parse('2026-11-30T03:30:10Z')
  const options: TimetableOptions = {
    store,
    log: silent,
    clock: () => now,
    list: async () => [{ id, fields: {}, since: new Date(0) }],
    fire: async (_trx, _id, minute) => void fired.push(minute.toISOString().slice(11, 16)),
  }
  // Each time a server that has just come up looks at the clock.
  for (const time of ['03:30:10', '03:30:50', '05:00:00', '03:30:30', '05:00:30', '05:01:00']) {
    now = Date.parse(`2026-11-30T${time}Z`)
    const before = fired.length
    const timetable = startTimetable(options)
    const deadline = Date.now() + 1_000
    while (fired.length === before && Date.now() < deadline) await new Promise(resolve => setTimeout(resolve, 10))
    await timetable[Symbol.asyncDispose]()
  }

  assert.deepEqual(fired, ['03:30', '05:00', '05:01'])
})
