import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { namingFile } from './naming-file.ts'

test('a full disk is told with the file that it stopped', async () => {
  await assert.rejects(
    namingFile('/dev/full', () => writeFile('/dev/full', 'x')),
    { code: 'ENOSPC', path: '/dev/full' },
  )
})

test('an error that names its file already, or is of no file, stays as it is', async () => {
  await assert.rejects(
    namingFile('/other', () => readFile('/nowhere')),
    { code: 'ENOENT', path: '/nowhere' },
  )
  await assert.rejects(
    namingFile('/other', () => Promise.reject(new Error('mine'))),
    (error: object) => !('path' in error),
  )
})
