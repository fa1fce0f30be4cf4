import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { execFileSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { requires } from '@instar/fixtures'
import type { MachineDisk } from '@instar/machine'
import { type TestAppliance, openTestAppliance } from './open-test-appliance.ts'

const skip = requires(['qemu', 'mmdebstrap', 'e2fsprogs'], process.env)
/** As many as an ordinary server has, each of another size, so that a mix-up shows. */
const DISKS = 6
const LEAST_MIB = 320

let folder: string
let appliance: TestAppliance

function makeDisk(name: string, format: 'raw' | 'qcow2', sizeMiB: number): MachineDisk {
  const file = join(folder, name)
  execFileSync('qemu-img', ['create', '-q', '-f', format, file, `${sizeMiB}M`])
  return { file, format, readOnly: false }
}

before(async () => {
  if (skip) return
  folder = await mkdtemp(join(tmpdir(), 'instar-disks, '))
  const disks = Array.from({ length: DISKS }, (_, index) => makeDisk(`disk${index}`, index % 2 === 0 ? 'qcow2' : 'raw', LEAST_MIB + index))
  appliance = await openTestAppliance({ disks: disks.map((disk, index) => ({ ...disk, readOnly: index === 5 })) })
})
after(async () => {
  if (skip) return
  await appliance[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

test('devices are in the order of the disks, however the guest found them', { skip }, async () => {
  const sizes = await appliance.say(`blockdev --getsize64 ${appliance.machine.devices.join(' ')}`)

  assert.deepEqual(
    sizes.split('\n'),
    Array.from({ length: DISKS }, (_, index) => String((LEAST_MIB + index) * 1024 * 1024)),
  )
})

test('a read-only disk is read-only in the guest', { skip }, async () => {
  const device = appliance.machine.devices[5]!

  const result = await appliance.shell(`blockdev --getro ${device}; dd if=/dev/zero of=${device} count=1 conv=fsync`)

  assert.equal(result.stdout.toString(), '1\n')
  assert.notEqual(result.exitCode, 0)
})

test('a disk is plugged in and out while the machine runs, twice with the same file', { skip }, async () => {
  const { machine, signal, shell, say } = appliance
  const disk = makeDisk('plugged', 'qcow2', 300)

  const device = await machine.attach(disk, signal)
  const made = await shell(`mkfs.ext4 -q ${device} && mount ${device} /mnt && echo kept >/mnt/file && umount /mnt`)
  await machine.detach(device, signal)
  const gone = await say(`[ -e ${device} ] || echo gone`)
  const again = await machine.attach({ ...disk, readOnly: true }, signal)
  const kept = await say(`mount -o ro ${again} /mnt && cat /mnt/file; umount /mnt`)
  await machine.detach(again, signal)

  assert.deepEqual([made.exitCode, gone, kept], [0, 'gone', 'kept'])
  await assert.rejects(machine.detach(device, signal), { code: 'machine.no-device' })
  execFileSync('qemu-img', ['check', '-q', disk.file])
})

test('a disk that cannot be used is refused, and the machine goes on', { skip }, async () => {
  const { machine, signal } = appliance
  const taken = { file: join(folder, 'disk0'), format: 'qcow2', readOnly: false } as const
  const wrong = { file: join(folder, 'disk1'), format: 'qcow2', readOnly: true } as const

  await assert.rejects(machine.attach({ ...taken, file: join(folder, 'none') }, signal), { code: 'machine.disk-refused', message: /none/ })
  await assert.rejects(machine.attach(taken, signal), { code: 'machine.disk-refused' })
  await assert.rejects(machine.attach(wrong, signal), { code: 'machine.disk-refused' })
  assert.equal(await appliance.say('echo well'), 'well')
})

test('LVM, RAID and encryption work without udev', { skip }, async () => {
  const [a, b, c, d, e] = appliance.machine.devices

  const result = await appliance.shell(`
    set -e
    pvcreate -q ${a} ${b}; vgcreate -q vg0 ${a} ${b}; lvcreate -q -y -L 64M -n root vg0
    vgchange -q -an vg0; vgchange -q -ay vg0; mkfs.ext4 -q /dev/vg0/root; blkid -o value -s TYPE /dev/vg0/root
    mdadm --create /dev/md0 --level 1 --raid-devices 2 --metadata 1.2 --run ${d} ${e}; mkfs.btrfs -q -f /dev/md0; blkid -o value -s TYPE /dev/md0
    printf secret | cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file - ${c}
    printf secret | cryptsetup open --key-file - ${c} plain; mkfs.xfs -q -f /dev/mapper/plain || true; blkid -o value -s TYPE /dev/mapper/plain
    cryptsetup close plain; mdadm --stop /dev/md0; vgchange -q -an vg0`)

  assert.equal(result.exitCode, 0, result.stderrTail)
  assert.match(result.stdout.toString(), /ext4\n(.*\n)*btrfs\n(.*\n)*xfs/)
})

test('there is no network until it is switched on, and none after it is switched off', { skip }, async () => {
  const { machine, signal, say } = appliance
  const server = createServer(socket => socket.on('error', () => {}).end('reached'))
    .listen(0, '127.0.0.1')
    .unref()
  await once(server, 'listening')
  const fetch = `timeout 3 bash -c 'cat </dev/tcp/10.0.2.2/${(server.address() as AddressInfo).port}' 2>/dev/null; echo end`

  const before = await say(`ls /sys/class/net; ${fetch}`)
  await machine.network(true, signal)
  const during = await say(`ip -4 -o addr show eth0 | grep -o 10.0.2.15/24; cat /etc/resolv.conf; ${fetch}`)
  await machine.network(false, signal)
  const afterwards = await say(fetch)
  await machine.network(true, signal)
  const again = await say(fetch)
  await machine.network(false, signal)
  server.close()

  assert.equal(before, 'lo\nend')
  // The loopback of the host is reachable while the network is on: see docs and network.ts.
  assert.equal(during, '10.0.2.15/24\nnameserver 10.0.2.3\nreachedend')
  assert.deepEqual([afterwards, again], ['end', 'reachedend'])
})
