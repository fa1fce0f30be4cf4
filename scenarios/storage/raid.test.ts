import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { requires } from '@instar/fixtures'
import { discoverStorage, mountGuest } from '@instar/morph'
import { openLab, type Lab } from './storage-lab.ts'

/* A mirror over two disks with LVM on it, as Debian's installer makes it. */
const BUILD = `
printf ',\\n' | label $1; printf ',\\n' | label $2
mdadm --create /dev/md0 --run --quiet --level=1 --raid-devices=2 --metadata=1.2 --homehost=box --name=0 --assume-clean \${1}p1 \${2}p1
pvcreate -q /dev/md0; vgcreate -q vg0 /dev/md0; lvcreate -q -n root -L 32M vg0; mkfs.ext4 -q /dev/vg0/root
mount /dev/vg0/root /mnt
echo '/dev/mapper/vg0-root / ext4 defaults 0 1' | tree /mnt
umount /mnt; vgchange -q -an vg0; mdadm --quiet --stop /dev/md0
`
const skip = requires(['qemu', 'mmdebstrap'], process.env)
let lab: Lab

before(async () => {
  if (!skip) lab = await openLab([64, 64], BUILD)
})
after(() => lab?.[Symbol.asyncDispose]())

test('LVM on a mirror is found, mounted and closed again', { skip }, async () => {
  const { machine, signal, emit } = lab
  {
    await using storage = await discoverStorage(machine, { disks: machine.devices, keys: [], signal, emit })
    await using guest = await mountGuest(machine, storage, { ...lab, at: '/mnt/guest' })

    assert.equal(guest.root.device.path, '/dev/mapper/vg0-root')
    assert.deepEqual(storage.warnings, [])
    assert.equal(storage.devices.find(({ kind }) => kind === 'md')?.parents.length, 2)
  }

  assert.equal(await lab.shell('ls /sys/block | grep -c ^md || true'), '0\n')
})

test('half a mirror is started with a warning that names it', { skip }, async () => {
  const { machine, signal, emit } = lab
  await using storage = await discoverStorage(machine, { disks: [machine.devices[1]!], keys: [], signal, emit })
  await using guest = await mountGuest(machine, storage, { ...lab, at: '/mnt/guest' })

  assert.equal(guest.root.device.path, '/dev/mapper/vg0-root')
  assert.match(storage.warnings.join(), /the RAID array box:0 .* is degraded \(1 members missing\)/)
})
