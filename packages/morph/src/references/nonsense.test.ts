import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { maskAgents } from '../agents/mask-agents.ts'
import { planLabels } from '../selinux/labels.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { phonyGuest } from '../tree/phony-guest.ts'
import { fixReferences, resolverFor } from './fix-references.ts'

const FILES = [
  'etc/fstab',
  'etc/crypttab',
  'etc/initramfs-tools/conf.d/resume',
  'etc/mdadm/mdadm.conf',
  'etc/lvm/lvm.conf',
  'etc/lvm/devices/system.devices',
  'etc/multipath.conf',
  'etc/multipath/bindings',
  'etc/systemd/system/srv.mount',
  'etc/modules',
  'etc/chrony.conf',
  'boot/grub/device.map',
  'etc/selinux/config',
  'etc/selinux/targeted/contexts/files/file_contexts',
  'var/lib/dpkg/status',
]
const WORDS = [
  '/dev/sda1',
  '/dev/disk/by-id/scsi-1-part2',
  '/dev/mapper/mpatha',
  'UUID=x',
  'swap',
  'ext4',
  '/dev/urandom',
  'filter = [',
  '"r|.*|"',
  ']',
  'ARRAY',
  'DEVICE',
  'devices=/dev/sda',
  'RESUME=/dev/sda2',
  'What=/dev/sda1',
  'IDTYPE=devname',
  'SELINUX=enforcing',
  '/etc/(.*)?',
  'vmhgfs',
  'vboxsf',
  '(hd0) /dev/sda',
  'Package: open-vm-tools',
  '#',
  '\t',
  '\n',
  '\n',
  '\\',
  '"',
]
const text = fc
  .array(fc.oneof(fc.constantFrom(...WORDS), fc.string({ unit: 'binary', maxLength: 6 })), { maxLength: 25 })
  .map(words => words.join(' '))
const guest = fc.uniqueArray(fc.tuple(fc.constantFrom(...FILES), text), { selector: ([file]) => file, maxLength: FILES.length })
const disks = [
  {
    partitions: [
      { number: 1, kind: 'filesystem', type: 'ext4', uuid: 'a', partuuid: 'p' } as const,
      { number: 2, kind: 'swap', uuid: 'b' } as const,
    ],
  },
]

function fit(tree: GuestTree): string[] {
  const masked = maskAgents(tree, { target: 'kvm', init: 'systemd' })
  const fixed = fixReferences(tree, { resolve: resolverFor(tree, disks), volumes: [['/dev/vda2']] })
  planLabels(tree, tree.changes())
  return [...masked.changes, ...fixed.changes]
}

test('no nonsense in the files of a guest breaks a step, and a second run has nothing left to do', () => {
  fc.assert(
    fc.property(guest, files => {
      const tree = phonyGuest({ 'usr/sbin/load_policy': '', 'etc/systemd/system/': '', ...Object.fromEntries(files) })
      fit(tree)
      const once = tree.changes().map(({ path, content }) => [path, content?.toString('latin1')])

      assert.deepEqual(fit(tree), [])
      assert.deepEqual(
        tree.changes().map(({ path, content }) => [path, content?.toString('latin1')]),
        once,
      )
    }),
    { numRuns: 500 },
  )
})
