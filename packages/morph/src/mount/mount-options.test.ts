import assert from 'node:assert/strict'
import { test } from 'node:test'
import { morphOptions } from './mount-options.ts'

test('a read-only, noexec line with SELinux context and quota is mounted writable, and each change is told', () => {
  const { options, notes } = morphOptions(['ro', 'noexec', 'nosuid', 'context="system_u:object_r:x"', 'usrquota', 'discard=async'], 'ext4')

  assert.deepEqual(options, ['rw', 'nosuid'])
  assert.equal(notes.length, 5)
})

test('subvolume and compression stay; the id goes where a path tells the same', () => {
  assert.deepEqual(morphOptions(['subvolid=256', 'subvol=/@', 'compress=zstd:1', 'space_cache=v2', 'ssd'], 'btrfs').options, [
    'rw',
    'subvol=/@',
    'compress=zstd:1',
  ])
  assert.deepEqual(morphOptions(['subvolid=256'], 'btrfs').options, ['rw', 'subvolid=256'])
})

test('options for systemd, for users and of old kernels are dropped without a word', () => {
  const { options, notes } = morphOptions(['defaults', 'nofail', '_netdev', 'x-systemd.automount', 'user', 'nobarrier', 'comment=a'], 'xfs')

  assert.deepEqual(options, ['rw', 'nouuid'])
  assert.deepEqual(notes, [])
})
