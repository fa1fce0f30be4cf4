import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AttachedDisk } from './resolver.ts'
import { createSourceResolver } from './resolver.ts'

const system: AttachedDisk = {
  ids: ['6000c29aaaaa'],
  partitions: [
    { number: 1, kind: 'filesystem', type: 'ext4', uuid: 'root', partuuid: 'p-root' },
    { number: 2, kind: 'swap', uuid: 'swap', partuuid: 'p-swap' },
  ],
}
const data: AttachedDisk = { partitions: [{ number: 1, kind: 'filesystem', type: 'xfs', uuid: 'data' }] }

test('a letter means the place in the order of the source', () => {
  const resolve = createSourceResolver([system, data])

  assert.equal(resolve('/dev/sda1')?.uuid, 'root')
  assert.equal(resolve('/dev/sdb1')?.uuid, 'data')
})

test('a disk, a partition or an order that is not there is not resolved', () => {
  const resolve = createSourceResolver([system, data])

  assert.equal(resolve('/dev/sdc1'), undefined)
  assert.equal(resolve('/dev/sda7'), undefined)
  assert.equal(resolve('/dev/sda'), undefined)
  assert.equal(resolve('/dev/md0'), undefined)
})

test('a letter is refused when the disk of that order holds something else than the guest expects there', () => {
  const swapped = createSourceResolver([data, system], [{ spec: '/dev/sda1', type: 'ext4' }])
  const alike = createSourceResolver([system, data], [{ spec: '/dev/sda1', type: 'ext3' }])

  assert.equal(swapped('/dev/sda1'), undefined)
  assert.equal(alike('/dev/sda1')?.uuid, 'root')
})

test('letters of two families do not tell an order', () => {
  const resolve = createSourceResolver([system, data], [{ spec: '/dev/sda1' }, { spec: '/dev/nvme0n1p1' }])

  assert.equal(resolve('/dev/sda1'), undefined)
  assert.equal(resolve('/dev/nvme0n1p1'), undefined)
})

test('a name that the source gave the disk goes before its place', () => {
  const resolve = createSourceResolver([
    { ...system, sourceName: 'xvda' },
    { ...data, sourceName: 'xvdf' },
  ])

  assert.equal(resolve('/dev/xvdf1')?.uuid, 'data')
  assert.equal(resolve('/dev/xvdb1'), undefined)
})

test('a by-id name is told by serial', () => {
  const resolve = createSourceResolver([data, system])

  assert.equal(resolve('/dev/disk/by-id/scsi-36000C29aaaaa-part1')?.uuid, 'root')
  assert.equal(resolve('/dev/disk/by-id/scsi-36000c29bbbbb-part1'), undefined)
})

test('a by-path name is told by what the guest expects on all its partitions, when one disk only has that', () => {
  const uses = [
    { spec: '/dev/disk/by-path/a-part1', type: 'ext4' },
    { spec: '/dev/disk/by-path/a-part2', type: 'swap' },
    { spec: '/dev/disk/by-path/b-part1', type: 'auto' },
  ]
  const resolve = createSourceResolver([data, system], uses)

  assert.equal(resolve('/dev/disk/by-path/a-part1')?.uuid, 'root')
  assert.equal(resolve('/dev/disk/by-path/a-part2')?.uuid, 'swap')
  assert.equal(resolve('/dev/disk/by-path/b-part1'), undefined, 'both disks have a partition 1')
})
