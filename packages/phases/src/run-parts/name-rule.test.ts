import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchNames } from './name-rule.ts'

test("a rule that grep refuses is told in grep's words, even when grep ends before it has read all names", () => {
  // More than a pipe holds, so that the rest finds no reader.
  const names = Array.from({ length: 20_000 }, (_, at) => `name-${at}`)

  const rule = matchNames(names, '[', { PATH: process.env['PATH'] })

  assert.equal(rule.kind, 'invalid')
  assert.match(rule.kind === 'invalid' ? rule.reason : '', /^grep: /)
})
