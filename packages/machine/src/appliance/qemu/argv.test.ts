import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MachineDisk } from '../../machine.ts'
import { type QemuOptions, blockNode, qemuArguments } from './argv.ts'

const image = { kernel: '/cache/vmlinux', rootImage: '/cache/a,b/root.img', diskId: '0a1b2c3d' }
const options: QemuOptions = { accel: 'tcg', memoryMiB: 512, cpus: 2, image, from: { kind: 'kernel' }, disks: [] }

function disk(values: Partial<MachineDisk>): MachineDisk {
  return { file: '/d.qcow2', format: 'qcow2', readOnly: false, ...values }
}

/** What follows an option, each time that it is given. */
function valuesOf(argv: readonly string[], option: string): string[] {
  return argv.flatMap((word, index) => (word === option ? [argv[index + 1]!] : []))
}

test('the machine has nothing by default, no network among it', () => {
  const argv = qemuArguments(options)

  assert.ok(argv.includes('-nodefaults') && argv.includes('-no-user-config'))
  assert.deepEqual(valuesOf(argv, '-netdev'), [])
  assert.ok(!argv.some(word => word.includes('virtio-net')))
})

test('disks are NVMe in their order, each with its own serial and explicit format', () => {
  const disks = [disk({}), disk({ file: '/r,aw', format: 'raw', readOnly: true })].map((disk, index) => ({
    id: `instar-disk${index}`,
    disk,
    isBlockDevice: false,
  }))

  const argv = qemuArguments({ ...options, disks })

  assert.deepEqual(
    valuesOf(argv, '-blockdev').map(text => JSON.parse(text) as unknown),
    [
      {
        driver: 'qcow2',
        file: { driver: 'file', filename: '/d.qcow2' },
        'node-name': 'instar-disk0',
        'read-only': false,
        discard: 'unmap',
      },
      { driver: 'raw', file: { driver: 'file', filename: '/r,aw' }, 'node-name': 'instar-disk1', 'read-only': true, discard: 'unmap' },
    ],
  )
  assert.deepEqual(
    valuesOf(argv, '-device')
      .filter(text => text.startsWith('{'))
      .map(text => (JSON.parse(text) as { serial: string }).serial),
    ['instar-disk0', 'instar-disk1'],
  )
})

test('a given block graph is taken as it is, and a block device as one', () => {
  const node = { driver: 'qcow2', file: { driver: 'file', filename: '/top' }, backing: null }

  const given = blockNode({ id: 'a', disk: disk({ node }), isBlockDevice: false })
  const device = blockNode({ id: 'b', disk: disk({ file: '/dev/sdx', format: 'raw' }), isBlockDevice: true })

  assert.deepEqual(given, { ...node, 'node-name': 'a', 'read-only': false, discard: 'unmap' })
  assert.deepEqual(device['file'], { driver: 'host_device', filename: '/dev/sdx' })
})

test('a comma in the path of the root image does not end it', () => {
  const [root] = valuesOf(qemuArguments(options), '-drive')

  assert.equal(root, 'if=none,id=root,file=/cache/a,,b/root.img,format=raw,snapshot=on')
})

test('the kernel finds its root by the id of the partition and not by the order of the disks', () => {
  const [commandLine] = valuesOf(qemuArguments(options), '-append')

  assert.match(commandLine!, /root=PARTUUID=0a1b2c3d-01 rootwait/)
})

test('addresses are randomised unless the CPU is emulated', () => {
  const lines = (['kvm', 'tcg'] as const).map(accel => valuesOf(qemuArguments({ ...options, accel }), '-append')[0]!)

  assert.deepEqual(
    lines.map(line => line.includes('norandmaps')),
    [false, true],
  )
})

test('a snapshot is taken of a machine with the very devices that later start from it', () => {
  const files = { memory: '/snap,shot/memory', state: '/snap,shot/state', root: '/snap,shot/root.qcow2' }
  const [saved, resumed] = (['kernel-to-snapshot', 'snapshot'] as const).map(kind => qemuArguments({ ...options, from: { kind, files } }))
  const isBootDisk = (word: string): boolean => word.startsWith('nvme,')

  assert.deepEqual(
    valuesOf(saved!, '-device').filter(word => !isBootDisk(word)),
    valuesOf(resumed!, '-device'),
  )
  assert.deepEqual(valuesOf(saved!, '-M'), valuesOf(resumed!, '-M'))
  assert.deepEqual(valuesOf(resumed!, '-device').filter(isBootDisk), [])
})

test('what a machine out of a snapshot writes reaches neither the memory nor the root that others start from', () => {
  const files = { memory: '/snap,shot/memory', state: '/snap,shot/state', root: '/snap,shot/root.qcow2' }

  const argv = qemuArguments({ ...options, from: { kind: 'snapshot', files } })

  assert.deepEqual(valuesOf(argv, '-object'), ['memory-backend-file,id=memory,size=512M,mem-path=/snap,,shot/memory,share=off'])
  assert.deepEqual(valuesOf(argv, '-drive'), ['if=none,id=moved,file=/snap,,shot/root.qcow2,format=qcow2,snapshot=on'])
})
