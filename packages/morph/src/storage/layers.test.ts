import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeMachine } from '@instar/machine/fake'
import { device, phonyDisk, phonyVolume } from '../mount/phony-devices.ts'
import type { BlockDevice } from './block-device.ts'
import { closeLayers } from './close.ts'
import { discoverStorage } from './discover.ts'
import { GroupNames } from './group-names.ts'
import { openContainer } from './luks.ts'
import { lvmConfig, readGroups, readSnapshots } from './lvm.ts'
import { findArrays, freeArrayNode } from './md.ts'

const signal = AbortSignal.timeout(30_000)
const uuid = '2734bf77-a898-4953-b734-4d3f1f4bb477'

/** What the look script prints for one disk with this on it. */
function lookOf(children: object[], mountpoint: string | null = null): string {
  const disk = { kname: '/dev/sdb', name: '/dev/sdb', 'maj:min': '8:16', type: 'disk', size: 2 ** 30, ro: false, mountpoint, children }
  const mapper = children.length > 0 ? '/sys/block/dm-0/dm/name:x\n/sys/block/dm-0/dm/uuid:CRYPT-LUKS2-1-x\n' : ''
  return [JSON.stringify({ blockdevices: [disk] }), '/dev/sdb\n', '', mapper].join('\u001E')
}
const crypt = { kname: '/dev/dm-0', name: '/dev/mapper/x', 'maj:min': '254:0', type: 'crypt', size: 1024, ro: false, mountpoint: null }

test("a disk of the minion's own is refused before anything is opened", async () => {
  const machine = new FakeMachine({ rules: [[['sh'], { stdout: lookOf([], '/') }]] })

  await assert.rejects(discoverStorage(machine, { disks: ['/dev/sdb'], keys: [], signal, emit: () => {} }), { code: 'storage.in-use' })
  assert.ok(machine.commands.every(([program]) => program === 'sh'))
})

test('a disk that is not there is an error that names it', async () => {
  const machine = new FakeMachine({ rules: [[['sh'], { exitCode: 1, stderr: 'lsblk: /dev/sdz: not a block device' }]] })

  await assert.rejects(discoverStorage(machine, { disks: ['/dev/sdz'], keys: [], signal, emit: () => {} }), {
    code: 'storage.missing-disk',
    message: /\/dev\/sdz: not a block device/,
  })
})

test('closing looks again until nothing stands on the disks', async () => {
  let isOpen = true
  const machine = new FakeMachine({
    rules: [
      [['sh'], () => ({ stdout: lookOf(isOpen ? [crypt] : []) })],
      [['dmsetup', 'remove'], () => ((isOpen = false), {})],
    ],
  })

  await closeLayers({ machine, disks: ['/dev/sdb'], groups: [], env: {} })

  assert.deepEqual(
    machine.commands.map(([program]) => program),
    ['sh', 'dmsetup', 'sh'],
  )
})

test('what cannot be closed is an error with the complaint, after some attempts', async () => {
  const machine = new FakeMachine({
    rules: [
      [['sh'], { stdout: lookOf([crypt]) }],
      [['dmsetup', 'remove'], { exitCode: 1, stderr: 'Device or resource busy' }],
    ],
  })

  await assert.rejects(closeLayers({ machine, disks: ['/dev/sdb'], groups: [], env: {} }), {
    code: 'storage.busy',
    message: /\/dev\/mapper\/x: Device or resource busy/,
  })
  assert.ok(machine.commands.filter(([program]) => program === 'dmsetup').length > 3)
})

const container = phonyDisk(0, [`crypto_LUKS ${uuid}`])

function openWith(machine: FakeMachine, secret: string, selector = 'all') {
  const keys = [{ selector, secret: Buffer.from(secret) }]
  return openContainer(container[1]!, { machine, devices: container, keys, env: {}, signal })
}

test('a passphrase travels by standard input, as it is and then without its newline', async () => {
  const given: string[] = []
  const machine = new FakeMachine({
    rules: [
      [
        ['cryptsetup', 'open'],
        (_argv, { stdin }) => {
          given.push(Buffer.from(stdin!).toString())
          return { exitCode: given.length === 1 ? 2 : 0 }
        },
      ],
    ],
  })

  const result = await openWith(machine, 'hush\n')

  assert.deepEqual(result, { kind: 'opened', name: `luks-${uuid}` })
  assert.deepEqual(given, ['hush\n', 'hush'])
  assert.ok(!machine.calls.join(' ').includes('hush'))
})

test('a wrong key is fatal when it names this container, else the container stays locked', async () => {
  const machine = new FakeMachine({ rules: [[['cryptsetup', 'open'], { exitCode: 2 }]] })

  await assert.rejects(openWith(machine, 'x', `UUID=${uuid}`), { code: 'storage.wrong-key', message: new RegExp(uuid) })
  const result = await openWith(machine, 'x')
  assert.equal(result.kind === 'locked' && result.container.reason, 'wrong-key')
  const other = await openWith(machine, 'x', '/dev/sdz')
  assert.equal(other.kind === 'locked' && other.container.reason, 'no-key')
})

test('LVM sees the given devices only, whatever their names', () => {
  const config = lvmConfig(['/dev/sdb1', '/dev/mapper/a.b'], false)

  assert.ok(config.includes(String.raw`filter=["a|^/dev/sdb1$|","a|^/dev/mapper/a\\.b$|","r|.*|"]`), config)
  assert.match(config, /use_devicesfile=0/)
  assert.match(config, /udev_sync=0/)
})

function twins(): BlockDevice[] {
  return ['a', 'b'].map((id, index) =>
    phonyVolume('vg-0', 'root', { parent: `/dev/sd${id}`, content: `ext4 ${id}`, number: `254:${index}`, groupId: id.repeat(32) }),
  )
}

test('of two groups with one name the first keeps its names until the other is preferred', async () => {
  const [first, second] = twins() as [BlockDevice, BlockDevice]
  const renames: string[] = []
  const rename = async (from: string, to: string) => void renames.push(`${from} ${to}`)

  const parked = await new GroupNames([first], rename).park({ id: 'b'.repeat(32), name: 'vg-0' })
  const renamed = { ...first, mapping: { ...first.mapping!, name: 'instar-aaaaaaaa-vg--0-root' } }
  await new GroupNames([renamed, second], rename).swapBack({ id: 'b'.repeat(32) }, parked)

  assert.deepEqual(renames, [
    'vg--0-root instar-aaaaaaaa-vg--0-root',
    'vg--0-root instar-bbbbbbbb-vg--0-root',
    'instar-aaaaaaaa-vg--0-root vg--0-root',
  ])
})

test('the preferred group takes the plain names; when it has them nothing is renamed', async () => {
  const [first, second] = twins() as [BlockDevice, BlockDevice]
  const parked = { ...second, mapping: { ...second.mapping!, name: 'instar-bbbbbbbb-vg--0-root' } }
  const renames: string[] = []
  const names = new GroupNames([first, parked], async (from, to) => void renames.push(`${from} ${to}`))

  assert.equal(await names.giveTo('a'.repeat(32)), false)
  assert.equal(await names.giveTo('b'.repeat(32)), true)
  assert.deepEqual(renames, ['vg--0-root instar-aaaaaaaa-vg--0-root', 'instar-bbbbbbbb-vg--0-root vg--0-root'])
})

test('arrays are found by the uuid of their members, and those that run are left out', () => {
  const devices = [...phonyDisk(0, ['linux_raid_member r1 box:0', 'linux_raid_member r2']), ...phonyDisk(1, ['linux_raid_member r1 box:0'])]
  const running = device({ path: '/dev/md127', kind: 'md', number: '9:127', parents: ['/dev/nvme1n1p2'] })

  assert.deepEqual(findArrays([...devices, running]), [{ uuid: 'r1', label: 'box:0', members: ['/dev/nvme1n1p1', '/dev/nvme2n1p1'] }])
  assert.equal(freeArrayNode([running], new Set(['/dev/md126'])), '/dev/md125')
})

test('a row of an LVM report that lacks a field is left out', async () => {
  const whole = { lv_uuid: 'a-b', lv_role: 'private,snapshot' }
  const report = JSON.stringify({ report: [{ lv: [{ lv_uuid: 'c' }, whole, null], pv: [{ vg_uuid: 'x' }, 'text'] }] })
  const machine = new FakeMachine({ rules: [[['lvm'], { stdout: report }]] })
  const scope = { machine, signal, hasUdev: false, env: {} }

  assert.deepEqual(await readSnapshots(['/dev/sda1'], scope), new Set(['ab']))
  assert.deepEqual(await readGroups([], scope), [])
})
