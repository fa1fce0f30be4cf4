import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { requires } from '@instar/fixtures'
import { discoverStorage, mountGuest } from '@instar/morph'
import { openLab, textKey, type Lab } from './storage-lab.ts'

/*
 * disk ── p1 ext4 /boot
 *      └─ p2 LUKS2 (4096-byte sectors) ── PV ── vg0 ─┬─ root ext4
 *                                                    ├─ var  ext4
 *                                                    └─ safe LUKS1 ── ext4 /home
 */
const BUILD = `
printf 'size=64M\\n,\\n' | label $1
printf secret | cryptsetup luksFormat --batch-mode --type luks2 --sector-size 4096 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file - \${1}p2
printf secret | cryptsetup open --key-file - \${1}p2 build
pvcreate -q /dev/mapper/build; vgcreate -q vg0 /dev/mapper/build
lvcreate -q -n root -L 64M vg0; lvcreate -q -n var -L 32M vg0; lvcreate -q -n safe -L 32M vg0
luks luks1 /dev/vg0/safe inner safe_build
mkfs.ext4 -q \${1}p1; mkfs.ext4 -q /dev/vg0/root; mkfs.ext4 -q /dev/vg0/var; mkfs.ext4 -q /dev/mapper/safe_build
mount /dev/vg0/root /mnt
tree /mnt <<END
/dev/mapper/vg0-root / ext4 errors=remount-ro 0 1
UUID=$(uuid \${1}p1) /boot ext4 defaults 0 2
/dev/vg0/var /var ext4 defaults,noexec 0 2
/dev/mapper/home_crypt /home ext4 nofail 0 2
END
cat > /mnt/etc/crypttab <<END
sda2_crypt UUID=$(uuid \${1}p2) none luks,discard
home_crypt /dev/vg0/safe none luks
END
umount /mnt; cryptsetup close safe_build; vgchange -q -an vg0; cryptsetup close build
`
const skip = requires(['qemu', 'mmdebstrap', 'cryptsetup'], process.env)
const at = '/mnt/guest'
let lab: Lab

before(async () => {
  if (!skip) lab = await openLab([448], BUILD)
})
after(() => lab?.[Symbol.asyncDispose]())

function discover(keys: { selector: string; secret: Uint8Array }[]) {
  const { machine, signal, emit } = lab
  return discoverStorage(machine, { disks: machine.devices, keys, signal, emit })
}

test('LVM on LUKS and LUKS on LVM open, mount under the names of the guest, and close again', { skip }, async () => {
  {
    await using storage = await discover([textKey('all', 'secret'), textKey('/dev/vg0/safe', 'inner\n')])
    await using guest = await mountGuest(lab.machine, storage, { ...lab, at })

    assert.deepEqual(
      guest.mounts.map(({ device, mountPoint }) => [device, mountPoint]),
      [
        ['/dev/mapper/vg0-root', '/'],
        [`${lab.machine.devices[0]}p1`, '/boot'],
        ['/dev/mapper/vg0-var', '/var'],
        ['/dev/mapper/home_crypt', '/home'],
      ],
    )
    assert.match(await lab.shell('dmsetup ls'), /sda2_crypt/)
    assert.deepEqual(guest.warnings, ['/var is mounted without noexec: scripts of packages run there'])
    await lab.shell(`echo kept > ${at}/home/file`)
  }

  assert.equal((await lab.shell('dmsetup ls')).trim(), 'No devices found')
})

test('what was written into the inner container is there at the next opening, with the device named by disk order', { skip }, async () => {
  await using storage = await discover([textKey('/dev/sda2', 'secret'), textKey('/dev/mapper/vg0-safe', 'inner')])
  await using _guest = await mountGuest(lab.machine, storage, { ...lab, at })

  assert.equal(await lab.shell(`cat ${at}/home/file`), 'kept\n')
})

test('without a key the root is locked, and the error names the container and the flag', { skip }, async () => {
  await using storage = await discover([])

  await assert.rejects(mountGuest(lab.machine, storage, { ...lab, at }), (error: { code?: string; message: string; hint?: string }) => {
    assert.equal(error.code, 'storage.locked')
    assert.match(error.hint ?? '', /--key [0-9a-f-]{36}:file:PATH/)
    return true
  })
})

test(
  'a key that is meant for this container and does not fit ends it; one for all leads to the same error at the mount',
  { skip },
  async () => {
    await assert.rejects(discover([textKey('/dev/sda2', 'wrong')]), { code: 'storage.wrong-key' })
    await using storage = await discover([textKey('all', 'wrong')])

    await assert.rejects(mountGuest(lab.machine, storage, { ...lab, at }), { code: 'storage.wrong-key' })
  },
)

test('a locked container that only /home needs is a warning', { skip }, async () => {
  await using storage = await discover([textKey('all', 'secret')])
  await using guest = await mountGuest(lab.machine, storage, { ...lab, at })

  assert.deepEqual(
    guest.fstab.filter(({ outcome }) => outcome === 'missing').map(({ line, severity }) => [line.mountPoint, severity]),
    [['/home', 'degraded']],
  )
  assert.match(guest.warnings.join('\n'), /none of 1 keys opens/)
})

test('what a pre-mount script opened is used under its name and closed at the end', { skip }, async () => {
  await lab.shell(`printf secret | DM_DISABLE_UDEV=1 cryptsetup open --key-file - ${lab.machine.devices[0]}p2 by_script`)
  {
    await using storage = await discover([])
    await using guest = await mountGuest(lab.machine, storage, { ...lab, at })

    assert.equal(guest.mounts[0]?.device, '/dev/mapper/vg0-root')
  }

  assert.equal((await lab.shell('dmsetup ls')).trim(), 'No devices found')
})
