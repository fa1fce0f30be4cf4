import assert from 'node:assert/strict'
import { test } from 'node:test'
import { phonyGuest } from '../tree/phony-guest.ts'
import { dropDeviceCaches } from './caches.ts'
import { fixMdadm } from './mdadm.ts'
import { fixMountUnits } from './mount-units.ts'
import { fixMultipath, multipathAliases } from './multipath.ts'
import { reportForeignNames } from './reported.ts'
import type { AttachedDevice } from './resolver.ts'
import { fixResume } from './resume.ts'

const NONE = new Set<string>()
const DEVICES: Record<string, AttachedDevice> = {
  '/dev/sda5': { kind: 'swap', uuid: 'swap-1' },
  '/dev/sdb1': { kind: 'filesystem', type: 'ext4', uuid: 'data-1' },
}
const resolve = (spec: string) => DEVICES[spec]

test('the resume device gets its UUID, in the same quotes', () => {
  const tree = phonyGuest({ 'etc/initramfs-tools/conf.d/resume': '# x\nRESUME="/dev/sda5" # swap\n' })

  const outcome = fixResume(tree, resolve, NONE)

  assert.equal(tree.read('/etc/initramfs-tools/conf.d/resume'), '# x\nRESUME="UUID=swap-1" # swap\n')
  assert.deepEqual(outcome.inInitramfs, ['/etc/initramfs-tools/conf.d/resume'])
})

test('a resume device that is no swap or not there is reported; one that holds is not', () => {
  for (const [text, warnings] of [
    ['RESUME=/dev/sdb1\n', 1],
    ['RESUME=/dev/sdz1\n', 1],
    ['RESUME=UUID=x\n', 0],
    ['RESUME=none\n', 0],
    ['RESUME=auto', 0],
  ] as const) {
    const tree = phonyGuest({ 'etc/initramfs-tools/conf.d/resume': text })

    assert.equal(fixResume(tree, resolve, NONE).warnings.length, warnings, text)
    assert.deepEqual(tree.changes(), [])
  }
})

test('mdadm looks at all devices instead of those of the old platform, and arrays keep their UUID', () => {
  const text = [
    '# mine',
    'DEVICE /dev/sda1 /dev/sdb1',
    'DEVICE /dev/disk/by-id/md-x',
    'ARRAY /dev/md0 metadata=1.2 devices=/dev/sda1,/dev/sdb1 UUID=a:b:c:d',
    'ARRAY /dev/md1 UUID=1:2:3:4',
    '   devices=/dev/sdc1',
    'MAILADDR root',
    '',
  ].join('\n')
  const tree = phonyGuest({ 'etc/mdadm/mdadm.conf': text })

  const outcome = fixMdadm(tree)

  assert.equal(
    tree.read('/etc/mdadm/mdadm.conf'),
    [
      '# mine',
      'DEVICE partitions',
      'DEVICE /dev/disk/by-id/md-x',
      'ARRAY /dev/md0 metadata=1.2 UUID=a:b:c:d',
      'ARRAY /dev/md1 UUID=1:2:3:4',
      'MAILADDR root',
      '',
    ].join('\n'),
  )
  assert.equal(outcome.changes.length, 3)
  assert.deepEqual(fixMdadm(tree).changes, [])
})

test('an array told only by device names is reported; patterns over names are device names too', () => {
  const only = phonyGuest({ 'etc/mdadm.conf': 'ARRAY /dev/md0 devices=/dev/sda1,/dev/sdb1\n' })
  const pattern = phonyGuest({ 'etc/mdadm.conf': 'DEVICE /dev/sd*[0-9]\r\nDEVICE partitions\n' })

  assert.equal(fixMdadm(only).warnings.length, 1)
  assert.deepEqual(only.changes(), [])
  fixMdadm(pattern)
  assert.equal(pattern.read('/etc/mdadm.conf'), 'DEVICE partitions\r\nDEVICE partitions\n')
})

test('a mount unit gets the path by UUID; swap units and unknown devices are reported', () => {
  const tree = phonyGuest({
    'etc/systemd/system/srv.mount': '[Mount]\nWhat = /dev/sdb1\nWhere=/srv\nType=ext4\n',
    'etc/systemd/system/opt.mount': '[Mount]\nWhat=/dev/sdb1\nWhere=/opt\nType=xfs\n',
    'etc/systemd/system/dev-sda5.swap': '[Swap]\nWhat=/dev/sda5\n',
    'etc/systemd/system/ok.mount': '[Mount]\nWhat=/dev/vg/lv\n',
    'etc/systemd/system/link.mount': { link: '/etc/passwd' },
    'etc/passwd': 'What=/dev/sdb1\n',
  })

  const outcome = fixMountUnits(tree, resolve, NONE)

  assert.equal(tree.read('/etc/systemd/system/srv.mount'), '[Mount]\nWhat = /dev/disk/by-uuid/data-1\nWhere=/srv\nType=ext4\n')
  assert.deepEqual(
    tree.changes().map(change => change.path),
    ['/etc/systemd/system/srv.mount'],
  )
  assert.deepEqual(outcome.warnings.map(({ path }) => path).sort(), ['/etc/systemd/system/dev-sda5.swap', '/etc/systemd/system/opt.mount'])
})

test('what multipath remembers of the old disks is moved aside, and its aliases are known', () => {
  const tree = phonyGuest({
    'etc/multipath/wwids': '# Valid WWIDs:\n/36000c29aa/\n',
    'etc/multipath/bindings': '# Format:\n# alias wwid\nboot 36000c29aa\n',
    'etc/multipath.conf': 'multipaths {\n multipath {\n  alias "ora"\n }\n}\n',
  })
  const aliases = multipathAliases(tree)

  const outcome = fixMultipath(tree)

  assert.deepEqual([...aliases], ['boot', 'ora'])
  assert.equal(tree.exists('/etc/multipath/wwids'), false)
  assert.match(tree.read('/etc/multipath/wwids.pre-morph')!, /36000c29aa/)
  assert.equal(outcome.changes.length, 2)
  assert.equal(outcome.warnings[0]?.weight, 'harmless')
})

test('multipath files without entries stay', () => {
  const tree = phonyGuest({ 'etc/multipath/wwids': '# Valid WWIDs:\n', 'etc/multipath.conf': 'defaults {}\n' })

  assert.deepEqual(fixMultipath(tree), { changes: [], warnings: [], inInitramfs: [], offers: [] })
})

test('caches of device names go, device maps are kept aside', () => {
  const tree = phonyGuest({
    'etc/blkid.tab': '<device/>',
    'boot/grub/device.map': '(hd0)\t/dev/sda\n',
    'boot/grub2/device.map': '# this device map was generated\n',
  })

  dropDeviceCaches(tree)

  assert.deepEqual(
    tree.changes().map(({ path, change }) => `${change} ${path}`),
    ['removed /boot/grub/device.map', 'created /boot/grub/device.map.pre-morph', 'removed /etc/blkid.tab'],
  )
})

test('files that only their owner can change are reported, comments in them are not', () => {
  const tree = phonyGuest({
    'etc/smartd.conf': '# /dev/sda -a\nDEVICESCAN\n',
    'etc/smartmontools/smartd.conf': '/dev/sda -a\n',
    'etc/udev/rules.d/99-oracle-asm.rules': 'KERNEL=="sd*", ENV{ID_SERIAL}=="36000c29aa", NAME="asm1"\n',
    'etc/udev/rules.d/70-snap.rules': 'SUBSYSTEM=="usb"\n# ENV{ID_SERIAL}=="x"\n',
    'var/cache/debconf/config.dat':
      'Name: grub-pc/install_devices\nTemplate: grub-pc/install_devices\nValue: /dev/disk/by-id/ata-VMware_1\n',
    'etc/auto.misc': 'x -fstype=ext3 :/dev/sdc1\n',
  })

  const { warnings } = reportForeignNames(tree)

  assert.deepEqual(warnings.map(({ path }) => path).sort(), [
    '/etc/auto.misc',
    '/etc/smartmontools/smartd.conf',
    '/etc/udev/rules.d/99-oracle-asm.rules',
    '/var/cache/debconf/config.dat',
  ])
  assert.deepEqual(tree.changes(), [])
})

test('a megabyte of blank lines is read in no time', { timeout: 5000 }, () => {
  const blank = '\n'.repeat(1_000_000)
  const tree = phonyGuest({
    'etc/smartd.conf': blank,
    'etc/multipath.conf': blank,
    'etc/mdadm.conf': blank,
    'etc/udev/rules.d/a.rules': blank,
    'etc/X11/xorg.conf': blank,
  })

  assert.deepEqual(reportForeignNames(tree).warnings, [])
  assert.equal(multipathAliases(tree).size, 0)
  assert.deepEqual(fixMdadm(tree).changes, [])
})
