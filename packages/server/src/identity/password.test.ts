import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generatePassword, hashPassword, verifyPassword } from './password.ts'

const cheap = { logN: 4 }

test('a hash fits its own password only, and holds nothing of it', async () => {
  const hash = await hashPassword('correct horse', cheap)

  assert.equal(await verifyPassword('correct horse', hash), true)
  assert.equal(await verifyPassword('correct horsf', hash), false)
  assert.doesNotMatch(hash, /horse/)
})

test('two hashes of one password differ', async () => {
  assert.notEqual(await hashPassword('x', cheap), await hashPassword('x', cheap))
})

test('a stored text of another kind fits no password', async () => {
  assert.equal(await verifyPassword('x', 'x'), false)
  assert.equal(await verifyPassword('', 'scrypt$4$$'), false)
})

test('the same letters typed in composed and decomposed form are the same password', async () => {
  assert.equal(await verifyPassword('e\u0301', await hashPassword('\u00E9', cheap)), true)
})

test('generated passwords are long and differ', () => {
  assert.match(generatePassword(), /^[\w-]{24}$/)
  assert.notEqual(generatePassword(), generatePassword())
})
