import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FRAME_MAX_BYTES, FrameDecoder, decodeStrings, encodeFrame, encodeStrings } from './frames.ts'

const TYPES = [1, 2, 65]
const frames = fc.array(
  fc.record({ type: fc.constantFrom(...TYPES), id: fc.nat({ max: 0xffffffff }), payload: fc.uint8Array({ maxLength: 300 }) }),
  { maxLength: 8 },
)

/** Cuts bytes at these places, given as fractions of the length. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map(place => Math.floor(place * bytes.length)).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end))
}

test('frames decode the same however the bytes are split', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }), (sent, places) => {
      const bytes = Buffer.concat(sent.map(({ type, id, payload }) => encodeFrame(type, id, payload)))
      const decoder = new FrameDecoder(TYPES)

      const received = cut(bytes, places).flatMap(piece => decoder.push(piece))

      assert.deepEqual(
        received.map(frame => ({ ...frame, payload: new Uint8Array(frame.payload) })),
        sent.map(frame => ({ ...frame, payload: new Uint8Array(frame.payload) })),
      )
    }),
  )
})

test('any bytes give frames or one clear error', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 10 }), pieces => {
      const decoder = new FrameDecoder(TYPES)

      try {
        for (const piece of pieces) decoder.push(Buffer.from(piece))
      } catch (error) {
        assert.equal((error as { code: string }).code, 'machine.bad-frame')
      }
    }),
  )
})

test('an unknown type is an error that names it', () => {
  const decoder = new FrameDecoder(TYPES)

  assert.throws(() => decoder.push(encodeFrame(77, 1)), { code: 'machine.bad-frame', message: /type 77/ })
})

test('a length beyond the limit is refused before its bytes arrive', () => {
  const header = encodeFrame(1, 1).subarray(0, 9)
  header.writeUInt32LE(FRAME_MAX_BYTES + 1, 0)

  assert.throws(() => new FrameDecoder(TYPES).push(header), { code: 'machine.bad-frame' })
  assert.throws(() => encodeFrame(1, 1, Buffer.alloc(FRAME_MAX_BYTES + 1)), { code: 'machine.request-too-big' })
})

test('strings come back as they went in', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'grapheme' })), strings => {
      assert.deepEqual(decodeStrings(encodeStrings(strings)), strings)
    }),
  )
})

test('strings that lead out of their payload are an error', () => {
  const payload = encodeStrings(['hello'])

  assert.throws(() => decodeStrings(payload.subarray(0, -1)), { code: 'machine.bad-frame' })
  assert.throws(() => decodeStrings(Buffer.from([1, 2])), { code: 'machine.bad-frame' })
})
