import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseChecks } from './check-filesystems.ts'
import { isMapperName, parseCrypttab } from './crypttab.ts'
import { parseFacts, parseOpened, toEvidence } from './evidence.ts'
import { parseArrays } from './mdadm-conf.ts'
import { mountsBelow } from './mountinfo.ts'
import { phonyDisk } from './phony-devices.ts'
import { guestNodes } from './prepare-chroot.ts'

test('crypttab: two to four fields, none and - are no key', () => {
  const entries = parseCrypttab(
    '# names\nroot UUID="c0c0" none luks,discard\ndata\t/dev/sdb1 /etc/key\nswap /dev/sdc /dev/urandom swap\nbroken\n',
  )

  assert.deepEqual(
    entries.map(({ name, device, key }) => [name, device, key]),
    [
      ['root', 'UUID=c0c0', undefined],
      ['data', '/dev/sdb1', '/etc/key'],
      ['swap', '/dev/sdc', '/dev/urandom'],
    ],
  )
})

test('a mapping name from the guest is no path', () => {
  for (const name of ['root_crypt', 'luks-1-2', 'a.b', 'nvme0n1p3_crypt']) assert.ok(isMapperName(name), name)
  for (const name of ['../x', 'a/b', 'control', '', '-o', 'a b', 'x'.repeat(200)]) assert.ok(!isMapperName(name), name)
})

test('mdadm.conf: arrays with continued lines', () => {
  const text = 'DEVICE partitions\nARRAY /dev/md0 metadata=1.2\n   UUID=aa:bb:cc:dd name=host:0\nARRAY /dev/md/old spares=1\n'

  assert.deepEqual([...parseArrays(text)], [['/dev/md0', 'aa:bb:cc:dd']])
})

test('mountinfo: only mounts at or below the folder, escapes undone', () => {
  const text = [
    '22 1 8:1 / / rw - ext4 /dev/sda1 rw',
    '40 22 259:1 / /mnt/guest rw shared:1 - ext4 /dev/x rw',
    String.raw`41 40 259:2 / /mnt/guest/my\040data rw - ext4 /dev/y rw`,
    '42 22 259:3 / /mnt/guest2 rw - ext4 /dev/z rw',
  ].join('\n')

  assert.deepEqual(mountsBelow(text, '/mnt/guest'), ['/mnt/guest', '/mnt/guest/my data'])
})

test('exit codes of e2fsck: repaired is no error, damage is, a refusal is left to the kernel', () => {
  const output =
    '\u001E/dev/a\nclean\n=0\n\u001E/dev/b\nrecovering journal\n=1\n\u001E/dev/c\nUNEXPECTED INCONSISTENCY\n=4\n\u001E/dev/d\nunsupported\n=8\n'

  assert.deepEqual(
    parseChecks(output).map(({ device, state }) => [device, state]),
    [
      ['/dev/a', 'clean'],
      ['/dev/b', 'repaired'],
      ['/dev/c', 'damaged'],
      ['/dev/d', 'unknown'],
    ],
  )
})

test('subvolumes: names, the default one, and a name that pretends to lead outside', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  const output = `M\t0\nS\t0\t256\t${base64('@')}\nS\t0\t257\t${base64('../../etc')}\nD\t0\t256\nM\t1\t${base64('bad superblock ')}\n`

  assert.deepEqual(parseOpened(output), [
    { index: 0, subvolumes: [{ id: 256, path: '@', isDefault: true }] },
    { index: 1, error: 'bad superblock', subvolumes: [] },
  ])
})

test('facts of a folder: the newest of its logs, however many there are', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  const times = `${'5\n'.repeat(300_000)}17\n9\n`
  const facts = parseFacts(`C\t0\nrelease\t\nlog\t${base64(times)}\n`).get(0)!

  const evidence = toEvidence(phonyDisk(0, [])[0]!, undefined, facts)

  assert.deepEqual([evidence.newestLog, evidence.hasRelease, evidence.hasInit], [17, true, false])
})

test('what scripts print is read without an error, whatever it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'M|S|D|C|\t|\n|0|1|/|=|A|\u001E'.split('|')) }), text => {
      parseOpened(text)
      parseFacts(text)
      parseChecks(text)
      mountsBelow(text, '/mnt')
    }),
  )
})

test('a hundred thousand facts of one kind take no time', () => {
  const started = process.threadCpuUsage()

  const facts = parseFacts(`C\t0\n${'log\tMTcwMA==\n'.repeat(100_000)}`).get(0)

  assert.equal(facts?.get('log')?.length, 100_000)
  assert.equal(toEvidence(phonyDisk(0, ['ext4 a'])[1]!, undefined, facts).newestLog, 1700)
  const { user } = process.threadCpuUsage(started)
  assert.ok(user < 2_000_000, `${user} µs of CPU time`)
})

test("the guest's /dev gets links whose names cannot leave it", () => {
  const nodes = guestNodes(phonyDisk(0, ['ext4 11-22 ../../etc/passwd\nnode']))
  const linkOf = (name: string): string | undefined => nodes.find(node => node.name === name)?.linkname

  assert.deepEqual(
    nodes.filter(({ type }) => type === 'block-device').map(({ name, devmajor, devminor }) => [name, devmajor, devminor]),
    [
      ['nvme1n1', 259, 0],
      ['nvme1n1p1', 259, 1],
    ],
  )
  assert.equal(linkOf('disk/by-uuid/11-22'), '../../nvme1n1p1')
  assert.equal(linkOf(String.raw`disk/by-label/..\x2f..\x2fetc\x2fpasswd\x0anode`), '../../nvme1n1p1')
})
