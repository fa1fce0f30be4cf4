import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { OutputTail } from './output-tail.ts'

test('a stream is kept whole up to its limit, then its end with the count left out, however it comes in pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary-ascii', maxLength: 30 }), { maxLength: 12 }), pieces => {
      const tail = new OutputTail(16)

      for (const piece of pieces) tail.take(Buffer.from(piece))

      const whole = pieces.join('')
      const expected = whole.length <= 16 ? whole : `[${whole.length - 16} bytes left out]\n${whole.slice(-16)}`
      assert.equal(tail.content().toString(), expected)
    }),
  )
})
