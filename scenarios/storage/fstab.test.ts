import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { requires } from '@instar/fixtures'
import { discoverStorage, mountGuest } from '@instar/morph'
import { openLab, type Lab } from './storage-lab.ts'

/* Disk 1: a root whose fstab is nonsense, with mount points that are links out of the guest. Disk 2: one that lacks its /var. */
const BUILD = `
printf 'size=48M\\n,\\n' | label $1
mkfs.ext4 -q -U 11111111-1111-4111-8111-111111111111 \${1}p1; mkfs.ext4 -q -L 'my data' \${1}p2
mount \${1}p1 /mnt
printf 'garbage\\n\\\\000\\377\\nUUID= / \\n/dev/sda1 /\\t ext4 ro,noexec,x-systemd.foo 0 1 # yes\\nLABEL="my\\\\040data" //srv/../data/ ext3 discard,user 0 12\\nUUID=gone /gone ext4 nofail\\n/dev/sda2 /data ext4\\n//nas/x /nas cifs\\n/swapfile swap swap\\nUUID=11111111-1111-4111-8111-111111111111 /../../again ext4\\n' | tree /mnt
ln -s /../../../outside /mnt/data
ln -s / /mnt/loop
umount /mnt
mkfs.ext4 -q -U 22222222-2222-4222-8222-222222222222 $2
mount $2 /mnt
tree /mnt <<END
UUID=22222222-2222-4222-8222-222222222222 / ext4 defaults 0 1
UUID=33333333-3333-4333-8333-333333333333 /var ext4 defaults 0 2
END
umount /mnt
`
const skip = requires(['qemu', 'mmdebstrap'], process.env)
let lab: Lab

before(async () => {
  if (!skip) lab = await openLab([96, 48], BUILD)
})
after(() => lab?.[Symbol.asyncDispose]())

function discover(disk: number) {
  const { machine, signal, emit } = lab
  return discoverStorage(machine, { disks: [machine.devices[disk]!], keys: [], signal, emit })
}

test('a fstab full of nonsense is mounted as far as it makes sense, inside the guest only', { skip }, async () => {
  await using storage = await discover(0)
  await using guest = await mountGuest(lab.machine, storage, { ...lab, at: '/mnt/guest' })

  assert.deepEqual(
    guest.mounts.map(({ mountPoint, resolved, path }) => [mountPoint, resolved, path]),
    [
      ['/', '/', '/mnt/guest'],
      ['/data', '/outside', '/mnt/guest/outside'],
    ],
  )
  assert.equal((await lab.shell('ls -d /outside 2>&1 || true')).includes('No such file'), true)
  assert.deepEqual(
    guest.fstab.filter(({ severity }) => severity === 'degraded').map(({ line }) => line.class),
    ['nonsense', 'nonsense', 'nonsense', 'optional', 'duplicate'],
  )
})

test('a missing /var stops with the line and the reason, and nothing stays mounted', { skip }, async () => {
  await using storage = await discover(1)

  await assert.rejects(mountGuest(lab.machine, storage, { ...lab, at: '/mnt/guest' }), {
    code: 'morph.mount-missing',
    message: /^\/var of the guest cannot be mounted: line 2 of its \/etc\/fstab \(UUID=3333.*nothing on these disks is UUID=3333/,
  })
  assert.equal(await lab.shell("grep -c ' /mnt' /proc/self/mountinfo || true"), '0\n')
})

test('two systems on the disks are a question, answered by --root', { skip }, async () => {
  const { machine, signal, emit } = lab
  await using storage = await discoverStorage(machine, { disks: machine.devices, keys: [], signal, emit })

  await assert.rejects(mountGuest(machine, storage, { ...lab, at: '/mnt/guest' }), { code: 'morph.many-roots', message: /score/ })
  await using guest = await mountGuest(machine, storage, { ...lab, at: '/mnt/guest', root: '/dev/sda1' })

  assert.equal(guest.root.device.path, `${machine.devices[0]}p1`)
})

test('a process that holds a mount is named, and the unmount works once it is gone', { skip }, async () => {
  const { machine, signal } = lab
  await using storage = await discover(0)
  const guest = await mountGuest(machine, storage, { ...lab, at: '/mnt/guest' })
  await machine.run(['sh', '-c', 'cd /mnt/guest && exec sleep 600 >/dev/null 2>&1 &'], { signal, survivors: 'keep' })

  await assert.rejects(async () => guest[Symbol.asyncDispose](), { code: 'morph.busy', message: /\d+ sleep/ })
  await machine.endSurvivors(signal)
  await lab.shell('umount /mnt/guest/outside 2>/dev/null; umount /mnt/guest')
})
