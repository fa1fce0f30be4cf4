import assert from 'node:assert/strict'
import { mkdir, mkdtemp, open, readdir, realpath, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { noteUse, pruneCache } from './prune-cache.ts'

const HOUR_MS = 60 * 60 * 1000
const LIMITS = { maxIdleMs: 100 * HOUR_MS, minIdleMs: 10 * HOUR_MS, maxBytes: 1_000_000 }

/** A cache with entries of 400 kB, each idle for so many hours. */
async function cacheOf(t: TestContext, idleHours: Readonly<Record<string, number>>): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'instar-prune-')))
  t.after(() => rm(folder, { recursive: true, force: true }))
  for (const [name, hours] of Object.entries(idleHours)) {
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, 'disk'), Buffer.alloc(400_000, 1))
    const used = new Date(Date.now() - hours * HOUR_MS)
    await utimes(join(folder, name), used, used)
  }
  return folder
}

test('what was not used for too long goes, however much room there is', async t => {
  const folder = await cacheOf(t, { old: 101, young: 99 })

  assert.deepEqual(await pruneCache(folder, () => true, LIMITS), ['old'])
  assert.deepEqual(await readdir(folder), ['young'])
})

test('beyond the room that it may take, the longest unused go first, and only as many as must', async t => {
  const folder = await cacheOf(t, { a: 20, b: 50, c: 30, d: 40 })

  assert.deepEqual(await pruneCache(folder, () => true, LIMITS), ['b', 'd'])
})

test('what was used a moment ago stays, and so does what somebody has open or is not ours', async t => {
  const folder = await cacheOf(t, { recent: 9, 'in-use': 200, other: 200, noted: 200 })
  await noteUse(join(folder, 'noted'))
  await using _held = await open(join(folder, 'in-use/disk'))

  assert.deepEqual(await pruneCache(folder, name => name !== 'other', { ...LIMITS, maxBytes: 0 }), [])
})
