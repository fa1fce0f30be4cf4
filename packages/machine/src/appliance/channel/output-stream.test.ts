import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WINDOW_BYTES } from './messages.ts'
import { OutputStream } from './output-stream.ts'

const PIECE = Buffer.alloc(64 * 1024, 'x')
const PIECES_IN_WINDOW = WINDOW_BYTES / PIECE.length

function unexpected(): never {
  assert.fail('not to be called')
}

test('grants no credit while a piece is not taken, and all of it afterwards', async () => {
  const taking = Promise.withResolvers<void>()
  let granted = 0
  const stream = new OutputStream({ onPiece: () => taking.promise, grant: bytes => (granted += bytes), onError: unexpected })

  for (let index = 0; index < PIECES_IN_WINDOW; index += 1) stream.push(PIECE)
  const grantedBefore = granted
  taking.resolve()
  await stream.drained()

  assert.equal(grantedBefore, 0)
  assert.equal(granted, WINDOW_BYTES)
})

test('refuses more than the window from the agent', () => {
  const stream = new OutputStream({ onPiece: () => new Promise(() => {}), grant: unexpected, onError: unexpected })
  for (let index = 0; index < PIECES_IN_WINDOW; index += 1) stream.push(PIECE)

  assert.throws(() => stream.push(Buffer.from('x')), { code: 'machine.bad-frame' })
})

test('keeps the order of the pieces, their count and the last 4 KiB', async () => {
  const taken: string[] = []
  const stream = new OutputStream({ onPiece: piece => void taken.push(piece.toString()), grant: () => {}, onError: unexpected })

  for (let index = 0; index < 2000; index += 1) stream.push(Buffer.from(`line ${index}\n`))
  await stream.drained()

  assert.deepEqual(taken.slice(0, 2), ['line 0\n', 'line 1\n'])
  assert.equal(stream.bytes, taken.join('').length)
  assert.equal(stream.tail(), taken.join('').slice(-4096))
})

test('reports what a taker throws, once, and takes nothing more', async () => {
  const errors: unknown[] = []
  let taken = 0
  const onPiece = () => {
    taken += 1
    throw new Error('disk full')
  }
  const stream = new OutputStream({ onPiece, grant: () => {}, onError: error => errors.push(error) })

  stream.push(PIECE)
  stream.push(PIECE)
  await stream.drained()

  assert.deepEqual([taken, errors.map(error => (error as Error).message)], [1, ['disk full']])
})
