import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { device, phonyDisk, phonyVolume } from './phony-devices.ts'
import { parseDiskName, resolveSpec, type ResolveContext } from './resolve.ts'

const first = phonyDisk(0, ['vfat AB12-CD34 EFI', 'ext4 1111-root rootfs', 'LVM2_member pvpv', 'crypto_LUKS c0c0'])
const second = phonyDisk(1, ['linux_raid_member r-a-i-d host:0'])
const volume = phonyVolume('rhel_a-b', 'home', { parent: '/dev/nvme1n1p3', content: 'xfs 2222-home', number: '254:0' })
const array = device({
  path: '/dev/md127',
  kind: 'md',
  number: '9:127',
  parents: ['/dev/nvme2n1p1'],
  content: { type: 'ext4', usage: 'filesystem', uuid: '3333' },
})
const both = [...first, ...second, volume, array]

function pathOf(spec: string, context: Partial<ResolveContext> = {}): string {
  const meant = resolveSpec(spec, { devices: both, ...context })
  return meant.kind === 'device' ? meant.device.path : meant.kind
}

test('every form of a name finds its device', () => {
  const expected: Record<string, string> = {
    'UUID=ab12-cd34': '/dev/nvme1n1p1',
    'LABEL=rootfs': '/dev/nvme1n1p2',
    'PARTUUID=PART-0-2': '/dev/nvme1n1p2',
    '/dev/disk/by-uuid/1111-root': '/dev/nvme1n1p2',
    '/dev/disk/by-label/EFI': '/dev/nvme1n1p1',
    '/dev/disk/by-id/dm-name-rhel_a--b-home': volume.path,
    '/dev/disk/by-id/lvm-pv-uuid-pvpv': '/dev/nvme1n1p3',
    '/dev/disk/by-id/md-uuid-r:a:i:d': '/dev/md127',
    '/dev/mapper/rhel_a--b-home': volume.path,
    '/dev/rhel_a-b/home': volume.path,
    '/dev/md0': '/dev/md127',
    '/dev/md/0': '/dev/md127',
    '/dev/sda2': '/dev/nvme1n1p2',
    '/dev/xvdb1': '/dev/nvme2n1p1',
    '/dev/nvme0n1p2': '/dev/nvme1n1p2',
    '/dev/cciss/c0d0p2': '/dev/nvme1n1p2',
  }

  for (const [spec, path] of Object.entries(expected)) assert.equal(pathOf(spec), path, spec)
})

test("a kernel name goes by the order of the disks, not by the minion's own names", () => {
  const meant = resolveSpec('/dev/nvme1n1p1', { devices: both })

  assert.deepEqual(meant.kind === 'device' && [meant.device.path, meant.isGuess], ['/dev/nvme2n1p1', true])
})

test('a name of hardware finds its partition only when there is one disk', () => {
  const spec = '/dev/disk/by-path/pci-0000:03:00.0-scsi-0:0:0:0-part2'

  assert.equal(pathOf(spec, { devices: first }), '/dev/nvme1n1p2')
  assert.equal(pathOf(spec), 'none')
})

test('a disk that was not given is said to be missing', () => {
  const meant = resolveSpec('/dev/sdc1', { devices: both })

  assert.deepEqual(meant, { kind: 'none', reason: '/dev/sdc1 would be disk 3, which was not given' })
})

test('a label that two filesystems have is ambiguous', () => {
  const twins = [...phonyDisk(0, ['ext4 1 data']), ...phonyDisk(1, ['ext4 2 data'])]

  assert.equal(resolveSpec('LABEL=data', { devices: twins }).kind, 'many')
})

test('of two groups of one name the preferred one is meant', () => {
  const a = phonyVolume('vg0', 'root', { parent: '/dev/nvme1n1p1', content: 'ext4 a', number: '254:1', groupId: 'a'.repeat(32) })
  const parked = phonyVolume('vg0', 'root', { parent: '/dev/nvme2n1p1', content: 'ext4 b', number: '254:2', groupId: 'b'.repeat(32) })
  const b = { ...parked, path: '/dev/mapper/instar-bbbbbbbb-vg0-root', mapping: { ...parked.mapping!, name: 'instar-bbbbbbbb-vg0-root' } }

  assert.equal(pathOf('/dev/mapper/vg0-root', { devices: [a, b] }), 'many')
  assert.equal(pathOf('/dev/mapper/vg0-root', { devices: [a, b], preferredGroup: 'b'.repeat(32) }), b.path)
})

test('a mapping of crypttab is what was opened from its device, or a locked container', () => {
  const opened = device({
    path: '/dev/mapper/luks-c0c0',
    kind: 'crypt',
    number: '254:9',
    kernelPath: '/dev/dm-9',
    parents: ['/dev/nvme1n1p4'],
  })
  const containers = new Map([['cryptroot', 'UUID=c0c0']])

  assert.equal(pathOf('/dev/mapper/cryptroot', { devices: [...first, opened], containers }), opened.path)
  const locked = resolveSpec('/dev/mapper/cryptroot', { devices: first, containers })
  assert.match(locked.kind === 'none' ? locked.reason : '', /the container \/dev\/nvme1n1p4 \(c0c0\) is locked/)
})

test('a crypttab that goes in circles ends', () => {
  const containers = new Map([['a', '/dev/mapper/a']])

  assert.equal(resolveSpec('/dev/mapper/a', { devices: first, containers }).kind, 'none')
})

test('disk names tell disk and partition, past z too', () => {
  assert.deepEqual(parseDiskName('/dev/sdaa3'), { index: 26, partition: 3 })
  assert.deepEqual(parseDiskName('/dev/nvme0n10p1'), { index: 9, partition: 1 })
  assert.equal(parseDiskName('/dev/sda1x'), undefined)
})

test('any name is resolved without an error', () => {
  const prefix = fc.constantFrom('', 'UUID=', 'LABEL="', '/dev/', '/dev/mapper/', '/dev/disk/by-id/', '/dev/md', '/dev/disk/by-path/')
  fc.assert(fc.property(prefix, fc.string(), (start, rest) => void resolveSpec(start + rest, { devices: both })))
})
