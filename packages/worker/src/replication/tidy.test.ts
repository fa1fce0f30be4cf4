import assert from 'node:assert/strict'
import { copyFileSync, linkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { chainOf } from './open-replica.ts'
import { imageFile, readReplicaRecord } from './replica-record.ts'
import { Lab, qemuImg } from './replication.fixture.ts'

async function numbers(lab: Lab): Promise<number[]> {
  return ((await readReplicaRecord(lab.replica))?.generations ?? []).map(({ number }) => number)
}

/** Copies the source aside after each execution, to compare with later. */
async function runAndKeep(lab: Lab, change: Parameters<Lab['run']>[0] = {}): Promise<void> {
  const { number } = await lab.run(change)
  copyFileSync(lab.source, join(lab.folder, `at-${number}.raw`))
}

test('a chain never becomes longer than its limit, and every generation that is left is what it was', async () => {
  using lab = new Lab(32)
  lab.write('write -P 1 0 24M')
  for (let round = 1; round <= 8; round += 1) {
    lab.write(`write -P ${round + 1} ${round}M 300k`, `discard ${round + 10}M 256k`)
    await runAndKeep(lab, { chainLimit: 4 })
    assert.ok((await chainOf(lab.replica, round)).length <= 4)
  }

  assert.deepEqual((await numbers(lab)).at(-1), 8)
  for (const number of await numbers(lab)) assert.ok(lab.isSame(number, join(lab.folder, `at-${number}.raw`)), `generation ${number}`)
})

test('generations beyond the count and the age are dropped, the newest never', async () => {
  using lab = new Lab(16)
  lab.write('write -P 1 0 12M')
  const days = (count: number) => count * 24 * 3600_000
  for (const day of [1, 2, 3, 30]) {
    lab.now = new Date(Date.UTC(2026, 0, day))
    lab.write(`write -P ${day} 0 64k`)
    await runAndKeep(lab)
  }
  assert.deepEqual(await numbers(lab), [1, 2, 3, 4])

  await runAndKeep(lab, { retention: { count: 3 } })
  assert.deepEqual(await numbers(lab), [3, 4, 5])
  lab.now = new Date(Date.UTC(2026, 2, 1))
  await runAndKeep(lab, { retention: { maxAgeMs: days(10) } })

  assert.deepEqual(await numbers(lab), [6])
  assert.ok(lab.isSame(6, join(lab.folder, 'at-6.raw')))
  assert.ok((await chainOf(lab.replica, 6)).length <= 2)
})

test('the oldest file is written anew once enough of it is out of date', async () => {
  using lab = new Lab(16)
  lab.write('write -P 1 0 16M')
  await lab.run()
  for (const value of [2, 3, 4]) {
    lab.write(`write -P ${value} 0 12M`)
    await lab.run({ retention: { count: 1 } })
  }

  assert.equal((await chainOf(lab.replica, 4)).length, 1)
  assert.ok(statSync(imageFile(lab.replica, 4)).size < 18 * 1024 * 1024)
  assert.ok(lab.isSame(4))
})

test('a disk that shrank and grew again stays zero where it was cut off, after a merge too', async () => {
  using lab = new Lab(8)
  lab.write('write -P 1 0 8M')
  await lab.run()
  for (const size of ['2M', '6M', '7M']) {
    qemuImg('resize', '-q', '--shrink', '-f', 'raw', lab.source, size)
    await lab.run({ retention: { count: 1 } })
  }

  assert.ok(lab.isSame(4))
})

test('what holds the files of a generation by links of its own keeps it, whatever is merged', async () => {
  using lab = new Lab(16)
  lab.write('write -P 1 0 16M')
  await lab.run()
  lab.write('write -P 2 1M 1M')
  await runAndKeep(lab)
  const held = join(lab.folder, '0002.qcow2')
  linkSync(imageFile(lab.replica, 2), held)
  linkSync(imageFile(lab.replica, 1), join(lab.folder, '0001.qcow2'))
  for (let round = 0; round < 4; round += 1) {
    lab.write(`write -P ${round + 5} 0 10M`)
    await lab.run({ retention: { count: 1 } })
  }

  qemuImg('check', '-q', held)
  assert.match(qemuImg('compare', '-f', 'raw', join(lab.folder, 'at-2.raw'), held), /identical/)
})
