import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { phonyGuest } from '../tree/phony-guest.ts'
import { fixFstab, fstabUses } from './fstab.ts'
import type { AttachedDevice } from './resolver.ts'

const DEVICES: Record<string, AttachedDevice> = {
  '/dev/sda1': { kind: 'filesystem', type: 'ext4', uuid: 'aaaa-1', partuuid: 'p1' },
  '/dev/sda2': { kind: 'swap', uuid: 'bbbb-2' },
  '/dev/sda3': { kind: 'unknown', partuuid: 'p3' },
  '/dev/sdb1': { kind: 'luks', uuid: 'cccc' },
  '/dev/disk/by-path/pci-0-part1': { kind: 'filesystem', type: 'xfs', uuid: 'dddd' },
}
const resolve = (spec: string) => DEVICES[spec]
const fix = (text: string, aliases: string[] = []) => {
  const tree = phonyGuest({ 'etc/fstab': text })
  const outcome = fixFstab(tree, resolve, new Set(aliases))
  return { text: tree.read('/etc/fstab'), outcome, tree }
}

test('names of the old platform become UUIDs, and everything else stays as it was', () => {
  const before = [
    '# /etc/fstab: by hand',
    '/dev/sda1\t/  ext4\terrors=remount-ro 0 1   # root',
    ' "/dev/disk/by-path/pci-0-part1"   /srv/a\\040b xfs defaults',
    'UUID="1234-ABCD" /boot/efi vfat umask=0077 0 1',
    '/dev/sda2 none swap sw 0 0\r',
    '/dev/mapper/vg-home /home ext4 defaults 0 2',
    'nas:/x /n nfs _netdev 0 0',
    'nonsense',
    '',
  ].join('\n')

  const { text, outcome } = fix(before)

  const after = before
    .replace('/dev/sda1\t', 'UUID=aaaa-1\t')
    .replace('"/dev/disk/by-path/pci-0-part1"', 'UUID=dddd')
    .replace('/dev/sda2', 'UUID=bbbb-2')
  assert.equal(text, after)
  assert.equal(outcome.changes[0], '/etc/fstab: /dev/sda1 (/) is now UUID=aaaa-1')
  assert.equal(outcome.changes.length, 3)
  assert.deepEqual(outcome.warnings, [])
})

test('a second run changes nothing', () => {
  const { tree } = fix('/dev/sda1 / ext4\n/dev/sdx1 /x ext4\n')
  const once = tree.read('/etc/fstab')

  const again = fixFstab(tree, resolve, new Set())

  assert.equal(tree.read('/etc/fstab'), once)
  assert.deepEqual(again.changes, [])
})

test('a raw partition is named by its PARTUUID', () => {
  assert.equal(fix('/dev/sda3 /raw auto\n').text, 'PARTUUID=p3 /raw auto\n')
})

test('a device that is not proved is left alone, and how bad that is depends on the mount point and nofail', () => {
  const { text, outcome } = fix('/dev/sdq1 /usr/ ext4\n/dev/sdq2 /data ext4\n/dev/sdq3 /spare ext4 noatime,nofail\n')

  assert.equal(text, '/dev/sdq1 /usr/ ext4\n/dev/sdq2 /data ext4\n/dev/sdq3 /spare ext4 noatime,nofail\n')
  assert.deepEqual(
    outcome.warnings.map(({ weight }) => weight),
    ['fatal', 'degraded', 'harmless'],
  )
  assert.match(outcome.warnings[1]!.message, /line 2: \/dev\/sdq2 for \/data .* add "nofail"/)
})

test('a device that holds something else than the line says is not taken', () => {
  const { text, outcome } = fix('/dev/sda1 /a xfs\n/dev/sdb1 /b ext4\n/dev/sda1 none swap\n')

  assert.equal(text, '/dev/sda1 /a xfs\n/dev/sdb1 /b ext4\n/dev/sda1 none swap\n')
  assert.equal(outcome.warnings.length, 3)
})

test('a drive of old guests is no disk', () => {
  const { text, outcome } = fix('/dev/hdc /mnt/cdrom udf,iso9660 user,noauto 0 0\n')

  assert.equal(text, '/dev/hdc /mnt/cdrom udf,iso9660 user,noauto 0 0\n')
  assert.deepEqual(outcome.warnings, [])
  assert.deepEqual(fstabUses(phonyGuest({ 'etc/fstab': '/dev/hdc /c udf\n/dev/sda1 /\n' })), [{ spec: '/dev/sda1' }])
})

test('bytes that are not UTF-8 survive', () => {
  const bytes = Buffer.concat([Buffer.from('/dev/sda1 / ext4\n# caf'), Buffer.from([0xe9, 0x0a])])
  const tree = phonyGuest({ 'etc/fstab': bytes })

  fixFstab(tree, resolve, new Set())

  assert.deepEqual(tree.readBytes('/etc/fstab'), Buffer.concat([Buffer.from('UUID=aaaa-1 / ext4\n# caf'), Buffer.from([0xe9, 0x0a])]))
})

test('no nonsense breaks it, lines without a name of the old platform stay, and it settles after one run', () => {
  const word = fc.oneof(
    fc.constantFrom(...Object.keys(DEVICES), '/dev/sdz9', '/', 'swap', 'ext4', 'UUID=x', '#', '"', '\\0'),
    fc.string({ unit: 'binary', maxLength: 8 }),
  )
  const text = fc
    .array(
      fc.array(word, { maxLength: 6 }).map(words => words.join('\t')),
      { maxLength: 6 },
    )
    .map(lines => lines.join('\n'))
  fc.assert(
    fc.property(text, input => {
      const { tree } = fix(input)
      const once = tree.read('/etc/fstab')!

      fixFstab(tree, resolve, new Set())

      assert.equal(tree.read('/etc/fstab'), once)
      const before = Buffer.from(input).toString('latin1').split('\n')
      for (const [index, line] of once.split('\n').entries()) {
        if (!before[index]!.includes('/dev/')) assert.equal(line, before[index])
      }
    }),
  )
})
