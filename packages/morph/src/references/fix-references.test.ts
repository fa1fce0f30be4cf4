import assert from 'node:assert/strict'
import { test } from 'node:test'
import { phonyGuest } from '../tree/phony-guest.ts'
import { fixReferences, resolverFor } from './fix-references.ts'

const SLES = {
  'etc/fstab':
    '/dev/disk/by-id/scsi-36000c29aa-part2 / btrfs defaults 0 0\n/dev/disk/by-id/scsi-36000c29aa-part1 swap swap defaults 0 0\n/dev/mapper/oradata-part1 /data xfs defaults 0 0\n',
  'etc/initramfs-tools/conf.d/resume': 'RESUME=/dev/disk/by-id/scsi-36000c29aa-part1\n',
  'etc/multipath/bindings': 'oradata 3600a0b8\n',
}
const DISKS = [
  { partitions: [{ number: 1, kind: 'swap', uuid: 'S' } as const, { number: 2, kind: 'filesystem', type: 'btrfs', uuid: 'R' } as const] },
  { partitions: [{ number: 1, kind: 'filesystem', type: 'xfs', uuid: 'D' } as const] },
]

test('a guest that names its disks by hardware everywhere names them by UUID afterwards', () => {
  const tree = phonyGuest(SLES)

  const outcome = fixReferences(tree, { resolve: resolverFor(tree, DISKS), volumes: [] })

  assert.equal(tree.read('/etc/fstab'), 'UUID=R / btrfs defaults 0 0\nUUID=S swap swap defaults 0 0\nUUID=D /data xfs defaults 0 0\n')
  assert.equal(tree.read('/etc/initramfs-tools/conf.d/resume'), 'RESUME=UUID=S\n')
  assert.deepEqual(outcome.warnings, [])
  assert.equal(outcome.changes.length, 5)
})

test('a second run changes nothing at all', () => {
  const tree = phonyGuest(SLES)
  const run = () => fixReferences(tree, { resolve: resolverFor(tree, DISKS), volumes: [] })
  run()
  const once = tree.changes().map(({ path, content }) => [path, content?.toString()])

  const again = run()

  assert.deepEqual(again.changes, [])
  assert.deepEqual(
    tree.changes().map(({ path, content }) => [path, content?.toString()]),
    once,
  )
})

test('with disks that do not prove anything, nothing is rewritten', () => {
  const tree = phonyGuest(SLES)

  const outcome = fixReferences(tree, { resolve: resolverFor(tree, [DISKS[1]!]), volumes: [] })

  assert.match(tree.read('/etc/fstab')!, /^\/dev\/disk\/by-id\/scsi-36000c29aa-part2 \/ /)
  assert.equal(outcome.warnings.find(({ message }) => message.includes(' for / '))?.weight, 'fatal')
})

test('a guest without any of the files is left alone', () => {
  const tree = phonyGuest({})

  assert.deepEqual(fixReferences(tree, { resolve: () => undefined, volumes: [['/dev/vda2']] }), {
    changes: [],
    warnings: [],
    inInitramfs: [],
    offers: [],
  })
})
