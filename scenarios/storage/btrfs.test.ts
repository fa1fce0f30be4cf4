import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { requires } from '@instar/fixtures'
import { discoverStorage, mountGuest, prepareChroot, reportStorage } from '@instar/morph'
import { openLab, type Lab } from './storage-lab.ts'

/* Ubuntu's layout: ESP, /boot on ext4, btrfs with @ and @home, xfs on /srv; two snapshots of @ that look like roots. */
const BUILD = `
printf 'size=34M, type=uefi\\nsize=32M\\nsize=128M\\n,\\n' | label $1
mkfs.xfs -q \${1}p4
mkfs.vfat -i AB12CD34 \${1}p1 >&2; mkfs.ext4 -q \${1}p2; mkfs.btrfs -q \${1}p3
mount \${1}p3 /mnt
btrfs -q subvolume create /mnt/@; btrfs -q subvolume create /mnt/@home
tree /mnt/@ <<END
UUID=$(uuid \${1}p3) / btrfs defaults,subvol=@,space_cache=v2 0 1
UUID=$(uuid \${1}p3) /home btrfs defaults,subvol=@home 0 2
UUID=$(uuid \${1}p2) /boot ext4 defaults 0 2
UUID=ab12-cd34 /boot/efi vfat umask=0077 0 1
UUID=$(uuid \${1}p4) /srv xfs defaults,nobarrier 0 0
END
mkdir /mnt/@/.snapshots
btrfs -q subvolume snapshot -r /mnt/@ /mnt/@/.snapshots/1
btrfs -q subvolume snapshot /mnt/@ /mnt/@before
umount /mnt
mount \${1}p2 /mnt; mkdir /mnt/grub
echo "  linux /vmlinuz root=UUID=$(uuid \${1}p3) ro rootflags=subvol=@ quiet" > /mnt/grub/grub.cfg
umount /mnt
`
const skip = requires(['qemu', 'mmdebstrap'], process.env)
let lab: Lab

before(async () => {
  if (!skip) lab = await openLab([512], BUILD)
})
after(() => lab?.[Symbol.asyncDispose]())

test('the subvolume that fstab and boot loader name is mounted, with /boot and the ESP', { skip }, async () => {
  const { machine, signal, emit } = lab
  await using storage = await discoverStorage(machine, { disks: machine.devices, keys: [], signal, emit })
  await using guest = await mountGuest(machine, storage, { ...lab, at: '/mnt/guest' })

  assert.deepEqual(
    guest.mounts.map(({ fsType, mountPoint }) => [fsType, mountPoint]),
    [
      ['btrfs', '/'],
      ['btrfs', '/home'],
      ['ext4', '/boot'],
      ['xfs', '/srv'],
      ['vfat', '/boot/efi'],
    ],
  )
  assert.deepEqual([guest.root.subvolume?.path, guest.root.score], ['@', 25])
  assert.deepEqual(guest.warnings, [])
  assert.match(await lab.shell('cat /mnt/guest/etc/os-release'), /debian/)
  const report = reportStorage(storage, guest)
  assert.deepEqual(
    report.roots.filter(root => root.is_chosen).map(({ place }) => place),
    [`${machine.devices[0]}p3:@`],
  )
  assert.equal(report.devices.find(({ partition }) => partition?.role === 'esp')?.path, `${machine.devices[0]}p1`)
})

test('a chroot sees its own disks and an empty /run, and nothing of it stays', { skip }, async () => {
  const { machine, signal, emit } = lab
  {
    await using storage = await discoverStorage(machine, { disks: machine.devices, keys: [], signal, emit })
    await using guest = await mountGuest(machine, storage, { ...lab, at: '/mnt/guest' })
    await prepareChroot(machine, { at: guest.at, devices: storage.devices }, signal)
    const name = machine.devices[0]!.slice('/dev/'.length)

    assert.match(await lab.shell('ls /mnt/guest/dev/disk/by-uuid'), /AB12-CD34/)
    assert.deepEqual((await lab.shell('ls /mnt/guest/dev | grep nvme')).trim().split('\n'), [
      name,
      `${name}p1`,
      `${name}p2`,
      `${name}p3`,
      `${name}p4`,
    ])
    assert.equal(await lab.shell('ls /mnt/guest/run'), 'lock\n')
    assert.equal(await lab.shell('ls /mnt/guest/sys/firmware'), '')
    await lab.shell('blkid -p /mnt/guest/dev/disk/by-uuid/AB12-CD34 > /mnt/guest/dev/null')
  }

  assert.equal(await lab.shell("grep -c ' /mnt' /proc/self/mountinfo || true"), '0\n')
})
