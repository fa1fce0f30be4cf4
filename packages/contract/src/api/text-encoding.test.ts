import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeBase64Text, decodeEnvironment, decodeOptionNames, encodeBase64Text } from './text-encoding.ts'

test('reads what Node encodes, in both alphabets, with and without padding', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), text => {
      const bytes = Buffer.from(text)
      assert.equal(decodeBase64Text(bytes.toString('base64'), 'x'), text)
      assert.equal(decodeBase64Text(bytes.toString('base64url'), 'x'), text)
    }),
  )
})

test('encodes as Python does: URL-safe and padded', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), text => {
      const expected = Buffer.from(text).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
      assert.equal(encodeBase64Text(text), expected)
    }),
  )
})

test('refuses other characters, a cut group, and bytes that are not UTF-8', () => {
  assert.throws(() => decodeBase64Text('a b', 'env'), { message: /env is not base64/, hint: /base64 of JSON/ })
  assert.throws(() => decodeBase64Text('abcde', 'env'), /env is not base64/)
  assert.throws(() => decodeBase64Text('_w==', 'env'), /not UTF-8/)
})

test('an environment is an object, and empty when it is left out', () => {
  assert.deepEqual(decodeEnvironment(undefined), {})
  assert.deepEqual(decodeEnvironment(encodeBase64Text('{"a": 1}')), { a: 1 })
  assert.throws(() => decodeEnvironment(encodeBase64Text('[1]')), /not base64 of a JSON object/)
  assert.throws(() => decodeEnvironment(encodeBase64Text('{')), /not JSON/)
})

test('options are a list of names; left out, they restrict nothing', () => {
  assert.equal(decodeOptionNames(undefined), undefined)
  assert.deepEqual(decodeOptionNames(encodeBase64Text('["a"]')), ['a'])
  assert.throws(() => decodeOptionNames(encodeBase64Text('{"a": 1}')), /list of names/)
})
