import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeMachine } from '../../../../machine/src/fake-machine.ts'
import { ImageCache } from './image-cache.ts'
import { readInitramfs } from './read.ts'

const signal = AbortSignal.timeout(10_000)
const FILE = '/mnt/boot/initrd'

/** How often the image is read when it is asked for twice, and `stat` says these lines before each: now, then the file. */
async function readsWith(first: string, second: string): Promise<number> {
  const answers = [first, second]
  const machine = new FakeMachine({ rules: [[['stat'], () => ({ stdout: `${answers.shift()}\n` })]] })
  const cache = new ImageCache(machine)
  let reads = 0
  const read = async () => {
    reads += 1
    return await readInitramfs(Buffer.alloc(4), { signal })
  }
  for (const _ of [1, 2]) assert.equal((await cache.read([FILE], { signal, read }))?.sizeBytes, 4)
  return reads
}

test('an image that stayed as it was is read once', async () => {
  assert.equal(await readsWith('0 1 0 1000 1000\n8 7 40 900 900', '0 2 0 1003 1003\n8 7 40 900 900'), 1)
})

test('another size, time or file is another image', async () => {
  const before = '0 1 0 1000 1000\n8 7 40 900 900'

  for (const after of ['8 7 41 900 900', '8 7 40 900 901', '8 7 40 901 900', '8 8 40 900 900']) {
    assert.equal(await readsWith(before, `0 1 0 1003 1003\n${after}`), 2, after)
  }
})

test('one that was changed a moment ago may change once more unseen, so it is read again', async () => {
  assert.equal(await readsWith('0 1 0 1000 1000\n8 7 40 900 998', '0 1 0 1003 1003\n8 7 40 900 998'), 2)
})

test('where nobody can tell, it is read again', async () => {
  const machine = new FakeMachine({ rules: [[['stat'], { exitCode: 1 }]] })
  const cache = new ImageCache(machine)
  let reads = 0
  const read = async () => {
    reads += 1
    return undefined
  }

  for (const _ of [1, 2]) await cache.read([FILE], { signal, read })

  assert.equal(reads, 2)
})
