import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { makeFolder } from './make-folder.ts'

const dir = mkdtempSync(join(tmpdir(), 'instar-make-folder-'))
after(() => rmSync(dir, { recursive: true, force: true }))

test('folders are made with those above them, by several at once, and again', async () => {
  const path = join(dir, 'a/b//c/')

  await Promise.all([1, 2, 3, 4].map(() => makeFolder(path, 0o700)))
  await makeFolder(path)

  for (const made of ['a', 'a/b', 'a/b/c']) assert.equal(statSync(join(dir, made)).mode & 0o777, 0o700)
})

test('one above them that another makes at the same moment is no error', async () => {
  for (let round = 0; round < 200; round += 1) {
    await Promise.all(['a', 'b', 'c', 'd'].map(name => makeFolder(join(dir, `shared-${round}`, name))))
  }
})

test('where none can be made, that is an error of the file system', { timeout: 10_000 }, async () => {
  writeFileSync(join(dir, 'file'), '')
  symlinkSync('/nowhere', join(dir, 'dangling'))

  await assert.rejects(makeFolder('/proc/nowhere/x'), { code: 'ENOENT', path: '/proc/nowhere' })
  await assert.rejects(makeFolder(join(dir, 'file')), { code: 'EEXIST' })
  await assert.rejects(makeFolder(join(dir, 'file/x')), { code: 'ENOTDIR' })
  await assert.rejects(makeFolder(join(dir, 'dangling/x')), { code: 'EEXIST', path: join(dir, 'dangling') })
})
