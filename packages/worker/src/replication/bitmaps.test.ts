import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lab, qemuImg } from './replication.fixture.ts'

const CHUNK = 256 * 1024

test('with bitmaps only what the guest wrote is read, and each bitmap goes when it has served', async () => {
  using lab = new Lab(64, 'qcow2')
  lab.write('write -P 1 0 48M')
  const first = await lab.run({ bitmaps: true })
  assert.equal(first.read_bytes, 48 * 1024 * 1024)
  lab.write('write -P 2 10M 4k', 'write -P 3 60M 4k', 'write -z -u 20M 1M')

  const second = await lab.run({ bitmaps: true, verify: true })

  assert.ok(lab.isSame(2))
  assert.equal(second.read_bytes, CHUNK + 64 * 1024)
  assert.deepEqual(bitmapsOf(lab.source), [second.bitmap])
  assert.ok(!lab.files().some(name => name.endsWith('.hashes')))
})

test('without the leave of the user no bitmap is made', async () => {
  using lab = new Lab(8, 'qcow2')
  await lab.run()

  assert.deepEqual(bitmapsOf(lab.source), [])
})

test('a bitmap that is lost or was not closed is not trusted: hashes find the changes then', async () => {
  using lab = new Lab(16, 'qcow2')
  lab.write('write -P 1 0 16M')
  const { bitmap } = await lab.run({ bitmaps: true })
  qemuImg('bitmap', '--remove', lab.source, bitmap ?? '')
  lab.write('write -P 2 3M 4k')

  const second = await lab.run({ bitmaps: true })
  assert.equal(second.written_bytes, CHUNK)
  assert.ok(lab.isSame(2))
  assert.match(lab.said.join('\n'), /is missing/)

  lab.write('write -P 3 5M 4k')
  const third = await lab.run({ bitmaps: true })
  assert.equal(third.read_bytes, CHUNK)
  assert.ok(lab.isSame(3))
})

test('an image that can have no bitmaps says so and is compared by hashes', async () => {
  using lab = new Lab(8)
  lab.write('write -P 1 0 8M')

  assert.equal((await lab.run({ bitmaps: true })).bitmap, null)
  assert.match(lab.said.join('\n'), /its image is raw/)
})

test('a resized disk is copied right with bitmaps', async () => {
  using lab = new Lab(8, 'qcow2')
  lab.write('write -P 1 0 8M')
  await lab.run({ bitmaps: true })
  qemuImg('resize', '-q', lab.source, '12M')
  lab.write('write -P 2 11M 4k')

  await lab.run({ bitmaps: true, verify: true })

  assert.ok(lab.isSame(2))
})

function bitmapsOf(image: string): string[] {
  const info = JSON.parse(qemuImg('info', '--output=json', image)) as { 'format-specific': { data: { bitmaps?: { name: string }[] } } }
  return (info['format-specific'].data.bitmaps ?? []).map(({ name }) => name)
}
