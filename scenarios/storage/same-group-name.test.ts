import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { requires } from '@instar/fixtures'
import { discoverStorage, mountGuest } from '@instar/morph'
import { openLab, type Lab } from './storage-lab.ts'

/* Two disks of two machines, each with a group vg0 and a volume root in it; the guest's is on the second disk. */
const BUILD = `
one() {
  pvcreate -q $1
  vgcreate -q --config "devices{filter=[\\"a|^$1$|\\",\\"r|.*|\\"]}" vg0 $1
  lvcreate -q --config "devices{filter=[\\"a|^$1$|\\",\\"r|.*|\\"]}" -n root -L 32M vg0
  mkfs.ext4 -q -U $2 /dev/vg0/root; mount /dev/vg0/root /mnt
}
close() { umount /mnt; vgchange -q -an --config "devices{filter=[\\"a|^$1$|\\",\\"r|.*|\\"]}" vg0; }
one $1 11111111-1111-4111-8111-111111111111
echo 'data of another machine' > /mnt/data; close $1
one $2 22222222-2222-4222-8222-222222222222
lvcreate -q --config "devices{filter=[\\"a|^$2$|\\",\\"r|.*|\\"]}" -n home -L 8M vg0; mkfs.ext4 -q /dev/vg0/home
tree /mnt <<END
/dev/mapper/vg0-root / ext4 defaults 0 1
/dev/vg0/home /home ext4 defaults 0 2
UUID=11111111-1111-4111-8111-111111111111 /srv ext4 defaults 0 2
END
close $2
`
const skip = requires(['qemu', 'mmdebstrap'], process.env)
let lab: Lab

before(async () => {
  if (!skip) lab = await openLab([64, 64], BUILD)
})
after(() => lab?.[Symbol.asyncDispose]())

const groups = 'vgs --noheadings -o vg_name,vg_uuid,vg_seqno | sort'

test('two groups of one name are both used, the guest has the plain names, and no disk was renamed', { skip }, async () => {
  const { machine, signal, emit } = lab
  const before = await lab.shell(groups)
  {
    await using storage = await discoverStorage(machine, { disks: machine.devices, keys: [], signal, emit })
    await using guest = await mountGuest(machine, storage, { ...lab, at: '/mnt/guest' })

    assert.deepEqual(
      guest.mounts.map(({ device, mountPoint, uuid }) => [device.replace(/instar-\w{8}-/, 'parked-'), mountPoint, uuid?.slice(0, 4)]),
      [
        ['/dev/mapper/vg0-root', '/', '2222'],
        ['/dev/mapper/vg0-home', '/home', guest.mounts[1]?.uuid?.slice(0, 4)],
        ['/dev/mapper/parked-vg0-root', '/srv', '1111'],
      ],
    )
    assert.equal(await lab.shell('cat /mnt/guest/srv/data'), 'data of another machine\n')
    assert.equal(storage.volumeGroups.length, 2)
  }

  assert.equal((await lab.shell('dmsetup ls')).trim(), 'No devices found')
  assert.equal(await lab.shell(groups), before)
})
