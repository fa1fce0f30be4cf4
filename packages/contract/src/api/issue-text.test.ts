import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod/mini'
import { issueText } from './issue-text.ts'

const Settings = z.strictObject({ mode: z.enum(['fast', 'safe']), count: z.int(), kind: z.union([z.literal(''), z.enum(['a', 'b'])]) })

function tell(value: unknown, hidesValues = false): string[] {
  const { error } = Settings.safeParse(value)
  return (error?.issues ?? []).map(issue => issueText(issue, value, { whole: 'it', hidesValues }))
}

test('tells where, what is there and what may be', () => {
  assert.deepEqual(tell({ mode: 'slow', count: 'x', kind: 'c', more: 1 }), [
    '"mode" is "slow"; there are fast, safe',
    '"count" is a string, not number',
    '"kind" is "c"; there are a, b',
    'it has unknown keys: more',
  ])
  assert.deepEqual(tell({ mode: 'fast', kind: 1 }), ['the key "count" is missing', '"kind" is a number that fits none of its forms'])
})

test('tells of a list and a text that their length is wrong', () => {
  const Sizes = z.strictObject({
    list: z.array(z.string()).check(z.minLength(1), z.maxLength(2)),
    text: z.string().check(z.minLength(1), z.maxLength(2)),
    count: z.int().check(z.minimum(1), z.maximum(2)),
  })
  const problems = (value: object) => Sizes.safeParse(value).error?.issues.map(issue => issueText(issue, value, { whole: 'it' }))

  assert.deepEqual(problems({ list: [], text: '', count: 0 }), [
    '"list" has fewer entries than 1',
    '"text" has fewer characters than 1',
    '"count" is less than 1',
  ])
  assert.deepEqual(problems({ list: ['a', 'b', 'c'], text: 'abc', count: 3 }), [
    '"list" has more entries than 2',
    '"text" has more characters than 2',
    '"count" is more than 2',
  ])
})

test('keeps a value that may be secret to itself', () => {
  assert.deepEqual(tell({ mode: 'sesame', count: 1, kind: 'sesame' }, true), ['"mode" is none of fast, safe', '"kind" is none of a, b'])
})
