import assert from 'node:assert/strict'
import { test } from 'node:test'
import { closest } from './closest.ts'

test('a guess is made for a slip of the fingers only', () => {
  assert.equal(closest('endpiont', ['endpoint', 'deployment']), 'endpoint')
  assert.equal(closest('xyz', ['endpoint', 'deployment']), undefined)
})
