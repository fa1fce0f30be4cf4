import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSourceName } from './source-names.ts'

test('letters and numbers of disks are read with their place in the order', () => {
  assert.deepEqual(parseSourceName('/dev/sda1'), { family: 'sd', disk: 'sda', order: 0, partition: 1 })
  assert.deepEqual(parseSourceName('/dev/xvdf'), { family: 'xvd', disk: 'xvdf', order: 5 })
  assert.deepEqual(parseSourceName('/dev/sdaa12'), { family: 'sd', disk: 'sdaa', order: 26, partition: 12 })
  assert.deepEqual(parseSourceName('/dev/nvme1n1p2'), { family: 'nvme', disk: 'nvme1n1', order: 1, partition: 2 })
  assert.deepEqual(parseSourceName('/dev/nvme0n2'), { family: 'nvme', disk: 'nvme0n2' })
  assert.deepEqual(parseSourceName('/dev/cciss/c0d1p3'), { family: 'cciss', disk: 'cciss/c0d1', order: 1, partition: 3 })
})

test('links by hardware are read with their disk and partition', () => {
  assert.deepEqual(parseSourceName('/dev/disk/by-id/scsi-36000c29abc-part2'), {
    family: 'id',
    disk: 'by-id/scsi-36000c29abc',
    partition: 2,
  })
  assert.deepEqual(parseSourceName('/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0'), {
    family: 'id',
    disk: 'by-path/pci-0000:03:00.0-scsi-0:0:0:0',
  })
  assert.equal(parseSourceName('/dev/disk/cloud/azure_resource-part1')?.disk, 'cloud/azure_resource')
  assert.deepEqual(parseSourceName('/dev/mapper/mpathap1'), { family: 'id', disk: '/dev/mapper/mpatha', partition: 1 })
  assert.deepEqual(parseSourceName('/dev/mapper/mpathb-part3'), { family: 'id', disk: '/dev/mapper/mpathb', partition: 3 })
})

test('an alias of this guest is a multipath disk, another mapper name is not', () => {
  assert.equal(parseSourceName('/dev/mapper/oradata-part1', new Set(['oradata']))?.partition, 1)
  assert.equal(parseSourceName('/dev/mapper/oradata-part1'), undefined)
})

for (const spec of [
  'UUID=aaaa',
  'LABEL=root',
  'PARTUUID=1234-01',
  '/dev/disk/by-uuid/aaaa',
  '/dev/disk/by-label/root',
  '/dev/disk/by-partuuid/1234-01',
  '/dev/disk/by-id/dm-name-vg-root',
  '/dev/disk/by-id/dm-uuid-LVM-abc',
  '/dev/disk/by-id/lvm-pv-uuid-abc',
  '/dev/disk/by-id/md-uuid-1:2',
  '/dev/mapper/rhel_a--b-root',
  '/dev/rhel/root',
  '/dev/sr0',
  '/dev/cdrom',
  '/dev/fd0',
  'tmpfs',
  'nas:/export',
  '//nas/share',
  '/swapfile',
  '/dev/nvme0',
]) {
  test(`${spec} holds on other hardware, or is no disk`, () => assert.equal(parseSourceName(spec), undefined))
}
