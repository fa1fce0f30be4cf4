import assert from 'node:assert/strict'
import { test } from 'node:test'
import { issueText } from './issue-text.ts'
import { ScheduleCreate, ScheduleUpdate } from './schedule.ts'

function problemOf(schema: typeof ScheduleCreate | typeof ScheduleUpdate, schedule: object): string | undefined {
  const body = { schedule }
  return schema
    .safeParse(body)
    .error?.issues.map(issue => issueText(issue, body, { whole: 'the body' }))
    .join('; ')
}

test('a timetable of a day that its month never has is refused, when it is made and when it is changed', () => {
  for (const schema of [ScheduleCreate, ScheduleUpdate]) {
    assert.equal(problemOf(schema, { minute: 30, dom: 31, month: 2 }), '"schedule" would never fire: month 2 has no day 31')
    assert.equal(problemOf(schema, { dom: 30, month: 2 }), '"schedule" would never fire: month 2 has no day 30')
    assert.equal(problemOf(schema, { dom: 31, month: 4 }), '"schedule" would never fire: month 4 has no day 31')
    for (const good of [{ dom: 29, month: 2 }, { dom: 31 }, { month: 2 }, { dom: 31, month: 12, dow: 0 }, {}])
      assert.equal(problemOf(schema, good), undefined)
  }
})

test('a field out of its range is told by itself', () => {
  assert.equal(problemOf(ScheduleCreate, { dom: 32, month: 2 }), '"schedule.dom" is more than 31')
  assert.equal(problemOf(ScheduleCreate, { month: 13, dom: 31 }), '"schedule.month" is more than 12')
})
