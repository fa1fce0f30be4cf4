import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Readable } from 'node:stream'
import { drain } from './drain.ts'

test('a taker that is slow is given one piece at a time, and the tail is the last 4 KiB', async () => {
  const pieces = Array.from({ length: 20 }, (_, at) => Buffer.alloc(1000, at))
  let inWork = 0
  let most = 0

  const { tail, bytes, whole } = await drain(Readable.from(pieces), {
    captureBytes: undefined,
    onPiece: async () => {
      most = Math.max(most, ++inWork)
      await Promise.resolve()
      inWork--
    },
  })

  assert.equal(most, 1)
  assert.equal(bytes, 20_000)
  assert.equal(whole.length, 0)
  assert.equal(tail, Buffer.concat(pieces).subarray(-4096).toString())
})

test('all is kept up to the limit, and more is an error', async () => {
  const stream = () => Readable.from([Buffer.from('ab'), Buffer.from('cd')])

  const { whole } = await drain(stream(), { captureBytes: 4, onPiece: undefined })

  assert.equal(whole.toString(), 'abcd')
  await assert.rejects(drain(stream(), { captureBytes: 3, onPiece: undefined }), { code: 'machine.too-much-output' })
})
