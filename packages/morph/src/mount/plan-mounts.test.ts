import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseRoot } from './choose-root.ts'
import { phonyDisk, phonyEvidence } from './phony-devices.ts'
import { planMounts } from './plan-mounts.ts'

const devices = phonyDisk(0, ['vfat AAAA-BBBB', 'ext4 root', 'ext4 var', 'xfs home', 'crypto_LUKS c0c0', 'ntfs n'])

function planOf(fstab: string, locked: Parameters<typeof planMounts>[2] = [], crypttab = '') {
  const search = chooseRoot([phonyEvidence({ device: devices[2]!, fstab: `UUID=root / ext4\n${fstab}`, crypttab })], devices)
  assert.equal(search.kind, 'found')
  return planMounts((search as { root: Parameters<typeof planMounts>[0] }).root, devices, locked)
}

test('mounts go by depth, whatever the order and length of the lines', () => {
  const plan = planOf('UUID=home /var/lib/a xfs\nUUID=AAAA-BBBB /boot/efi vfat\nUUID=var //var/ ext4')

  assert.deepEqual(
    plan.map(({ kind, line }) => `${kind} ${line.mountPoint}`),
    ['skip /', 'mount /var', 'mount /boot/efi', 'mount /var/lib/a'],
  )
})

test('what is not there is missing with the reason', () => {
  const [, missing] = planOf('UUID=gone /usr ext4')

  assert.deepEqual(missing?.kind === 'missing' && [missing.line.class, missing.reason], ['needed', 'nothing on these disks is UUID=gone'])
})

test('a filesystem that cannot be mounted here is missing', () => {
  const [, entry] = planOf('UUID=n /windows ntfs')

  assert.match(entry?.kind === 'missing' ? entry.reason : '', /holds ntfs, which is not mounted here/)
})

test('a line behind a locked container says which', () => {
  const container = { device: '/dev/nvme1n1p5', uuid: 'c0c0', reason: 'no-key' as const, message: 'the LUKS container c0c0 is locked' }
  const entry = planOf('/dev/mapper/cvar /var ext4', [container], 'cvar UUID=c0c0 none luks').at(-1)

  assert.equal(entry?.kind === 'missing' && entry.locked, container)
})
