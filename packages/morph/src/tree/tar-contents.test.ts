import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InstarError } from '@instar/contract'
import tar from 'tar-stream'
import { readTar } from './tar-contents.ts'

async function archive(): Promise<Buffer> {
  const pack = tar.pack()
  pack.entry({ name: './a' }, 'x'.repeat(2000))
  pack.finalize()
  const pieces: Buffer[] = []
  for await (const piece of pack as AsyncIterable<Buffer>) pieces.push(piece)
  return Buffer.concat(pieces)
}

test('files come whole, whatever the pieces', async () => {
  const got: [string, number][] = []
  const reader = readTar((name, content) => got.push([name, content.length]))

  for (const byte of (await archive()).subarray(0)) await reader.add(Buffer.from([byte]))
  await reader.end()

  assert.deepEqual(got, [['./a', 2000]])
})

test('a stream that is cut off in mid-file is an error of `end`, not of the process', async () => {
  const reader = readTar(() => undefined)

  await reader.add((await archive()).subarray(0, 1000))

  await assert.rejects(
    reader.end(),
    (error: InstarError) => error.code === 'guest.load-failed' && /Unexpected end of data/.test(String(error.cause)),
  )
})

test('what is no tar is an error of ours, in whichever piece it shows', async () => {
  const reader = readTar(() => undefined)
  const waiting = reader.add(Buffer.alloc(1024 * 1024, 'x'))

  await assert.rejects(
    Promise.all([waiting, reader.end()]),
    (error: InstarError) => error.code === 'guest.load-failed' && /Invalid tar header/.test(String(error.cause)),
  )
})
