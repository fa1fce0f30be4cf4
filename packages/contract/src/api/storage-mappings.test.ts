import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergeStorageMappings, StorageMappings } from './storage-mappings.ts'

test('an update merges backends by source and disks by id; the new entry wins and both lists are there', () => {
  const old = {
    default: 'ssd',
    backend_mappings: [
      { source: 'a', destination: '1' },
      { source: 'b', destination: '2' },
    ],
  }
  const update = { backend_mappings: [{ source: 'b', destination: '3' }], disk_mappings: [{ disk_id: 'd', destination: '4' }] }

  assert.deepEqual(mergeStorageMappings(old, update), {
    default: 'ssd',
    backend_mappings: [
      { source: 'a', destination: '1' },
      { source: 'b', destination: '3' },
    ],
    disk_mappings: [{ disk_id: 'd', destination: '4' }],
  })
  assert.deepEqual(mergeStorageMappings({}, {}), { backend_mappings: [], disk_mappings: [] })
})

test('an unknown key is refused', () => {
  assert.equal(StorageMappings.safeParse({ defaults: 'x' }).success, false)
  assert.equal(StorageMappings.safeParse({ default: 'x' }).success, true)
})
