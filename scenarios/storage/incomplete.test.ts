import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { requires } from '@instar/fixtures'
import { discoverStorage, mountGuest } from '@instar/morph'
import { openLab, type Lab } from './storage-lab.ts'

/* Disks 1 and 2: a group over both, the root on the first. Disk 3: Windows. Disk 4: a Linux that sleeps on disk. */
const BUILD = `
pvcreate -q $1 $2; vgcreate -q vg0 $1 $2
lvcreate -q -n root -L 32M vg0 $1; lvcreate -q -n data -L 16M vg0 $2
mkfs.ext4 -q /dev/vg0/root; mkfs.ext4 -q /dev/vg0/data
mount /dev/vg0/root /mnt
printf '/dev/vg0/root / ext4 defaults 0 1\\n/dev/vg0/data /data ext4 defaults 0 2\\n' | tree /mnt
umount /mnt; lvcreate -q -n before -s -L 8M vg0/root $1; vgchange -q -an vg0
mkntfs -Q -F -q $3; mount -t ntfs-3g $3 /mnt; mkdir -p /mnt/Windows/System32/config; umount /mnt
printf 'size=32M\\n,\\n' | label $4
mkfs.ext4 -q \${4}p1; mount \${4}p1 /mnt; echo "UUID=$(uuid \${4}p1) / ext4" | tree /mnt; umount /mnt
mkswap -q \${4}p2; printf S1SUSPEND | dd of=\${4}p2 bs=1 seek=4086 conv=notrunc status=none
`
const skip = requires(['qemu', 'mmdebstrap'], process.env)
const at = '/mnt/guest'
let lab: Lab

before(async () => {
  if (!skip) lab = await openLab([80, 40, 40, 64], BUILD)
})
after(() => lab?.[Symbol.asyncDispose]())

function discover(...numbers: number[]) {
  const { machine, signal, emit } = lab
  return discoverStorage(machine, { disks: numbers.map(number => machine.devices[number - 1]!), keys: [], signal, emit })
}

test('a group that lacks a disk gives what it has; what needs the disk is a warning', { skip }, async () => {
  await using storage = await discover(1)
  await using guest = await mountGuest(lab.machine, storage, { ...lab, at })

  assert.equal(guest.root.device.path, '/dev/mapper/vg0-root')
  assert.match(storage.warnings.join(), /the volume group vg0 is not whole/)
  assert.deepEqual(
    guest.fstab.filter(({ severity }) => severity === 'degraded').map(({ line, outcome }) => [line.mountPoint, outcome]),
    [['/data', 'missing']],
  )
})

test('with both disks nothing is missing, and a snapshot of the root is no second root', { skip }, async () => {
  await using storage = await discover(1, 2)
  await using guest = await mountGuest(lab.machine, storage, { ...lab, at })

  assert.deepEqual(
    guest.mounts.map(({ mountPoint }) => mountPoint),
    ['/', '/data'],
  )
  assert.deepEqual([storage.snapshots.size, guest.candidates.length, storage.warnings.length], [1, 1, 0])
})

test('Windows is recognised and refused', { skip }, async () => {
  await using storage = await discover(3)

  await assert.rejects(mountGuest(lab.machine, storage, { ...lab, at }), { code: 'guest.unsupported', message: /holds Windows \(ntfs\)/ })
})

test('a hibernated guest is refused before anything is mounted', { skip }, async () => {
  await using storage = await discover(4)

  await assert.rejects(mountGuest(lab.machine, storage, { ...lab, at }), { code: 'morph.hibernated', message: /p2 holds the image/ })
})
