import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { InstarError } from '@instar/contract'
import { disksBelow, filesystemsOf, findEsps } from './block-device.ts'
import { parseBlkid, parseLook, splitVolumeName } from './parse-look.ts'

const node = (kname: string, type: string, number: string, children: object[] = []) => ({
  name: kname,
  kname,
  'maj:min': number,
  type,
  size: 1024,
  ro: false,
  mountpoint: null,
  children,
})
const array = node('/dev/md127', 'raid1', '9:127', [node('/dev/dm-0', 'lvm', '254:0')])
const look = {
  lsblk: JSON.stringify({
    blockdevices: [
      node('/dev/nvme1n1', 'disk', '259:0', [node('/dev/nvme1n1p1', 'part', '259:1'), node('/dev/nvme1n1p2', 'part', '259:2', [array])]),
      node('/dev/nvme2n1', 'disk', '259:4', [node('/dev/nvme2n1p1', 'part', '259:5', [array])]),
    ],
  }),
  realPaths: '/dev/nvme1n1\n/dev/nvme2n1\n',
  blkid: [
    'DEVNAME=/dev/nvme1n1\nPTUUID=x\nPTTYPE=gpt',
    'DEVNAME=/dev/nvme1n1p1\nUUID=AB12-CD34\nTYPE=vfat\nUSAGE=filesystem\nPART_ENTRY_SCHEME=gpt\nPART_ENTRY_TYPE=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\nPART_ENTRY_NUMBER=1\nPART_ENTRY_OFFSET=2048',
    'DEVNAME=/dev/nvme1n1p2\nUUID=raid\nTYPE=linux_raid_member\nUSAGE=raid',
    'DEVNAME=/dev/nvme2n1p1\nUUID=raid\nTYPE=linux_raid_member\nUSAGE=raid',
    String.raw`DEVNAME=/dev/dm-0` + '\nUUID=r\nLABEL=my\\ \\$\\xc3\\xa4\nTYPE=ext4\nUSAGE=filesystem',
  ].join('\n\n'),
  mapper: `/sys/block/dm-0/dm/name:rhel_a--b-root\n/sys/block/dm-0/dm/uuid:LVM-${'g'.repeat(32)}${'v'.repeat(32)}\n`,
}

test('puts disks, partitions, an array over two disks and a volume together', () => {
  const devices = parseLook(look)

  assert.deepEqual(
    devices.map(({ path, kind, parents, diskIndex }) => [path, kind, parents, diskIndex]),
    [
      ['/dev/nvme1n1', 'disk', [], 0],
      ['/dev/nvme1n1p1', 'partition', ['/dev/nvme1n1'], undefined],
      ['/dev/nvme1n1p2', 'partition', ['/dev/nvme1n1'], undefined],
      ['/dev/md127', 'md', ['/dev/nvme1n1p2', '/dev/nvme2n1p1'], undefined],
      ['/dev/mapper/rhel_a--b-root', 'lv', ['/dev/md127'], undefined],
      ['/dev/nvme2n1', 'disk', [], 1],
      ['/dev/nvme2n1p1', 'partition', ['/dev/nvme2n1'], undefined],
    ],
  )
})

test('finds filesystems, the ESP, the start of a partition, and the disks below a volume', () => {
  const devices = parseLook(look)
  const volume = devices.find(({ kind }) => kind === 'lv')!

  assert.deepEqual(
    filesystemsOf(devices).map(({ path }) => path),
    ['/dev/nvme1n1p1', '/dev/mapper/rhel_a--b-root'],
  )
  assert.deepEqual(
    findEsps(devices).map(({ path, partition }) => [path, partition?.startBytes]),
    [['/dev/nvme1n1p1', 2 ** 20]],
  )
  assert.deepEqual(disksBelow(volume, devices), new Set(['/dev/nvme1n1', '/dev/nvme2n1']))
  assert.deepEqual(volume.mapping?.volume?.volumeGroup, 'rhel_a-b')
  assert.equal(volume.content?.label, 'my $ä')
})

test('hidden volumes, as the data of a thin pool, are no filesystems', () => {
  const hidden = { ...look, mapper: look.mapper.replace(/$(?=\n$)/m, '').replace('v'.repeat(32), `${'v'.repeat(32)}-tdata`) }

  assert.deepEqual(
    filesystemsOf(parseLook(hidden)).map(({ path }) => path),
    ['/dev/nvme1n1p1'],
  )
})

test('dashes in volume names are doubled', () => {
  assert.deepEqual(splitVolumeName('vg0-root'), ['vg0', 'root'])
  assert.deepEqual(splitVolumeName('a--b-c--d'), ['a-b', 'c-d'])
  assert.deepEqual(splitVolumeName('plain'), [])
})

test('output of other tools is refused, of any text nothing but an InstarError comes', () => {
  assert.throws(() => parseLook({ ...look, lsblk: 'lsblk: not found' }), { code: 'storage.unreadable' })
  assert.throws(() => parseLook({ ...look, lsblk: '{}' }), { code: 'storage.unreadable' })
  fc.assert(
    fc.property(fc.json(), fc.string(), fc.string(), (lsblk, blkid, mapper) => {
      parseBlkid(blkid)
      try {
        parseLook({ lsblk: `{"blockdevices":[${lsblk}]}`, realPaths: blkid, blkid, mapper })
      } catch (error) {
        assert.ok(error instanceof InstarError, String(error))
      }
    }),
  )
})
