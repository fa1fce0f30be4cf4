import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { detectGuest } from '../detect/detect.ts'
import { fitIdentity } from '../identity/fit-identity.ts'
import type { PhonyFile } from '../tree/phony-guest.ts'
import { phonyGuest } from '../tree/phony-guest.ts'
import { fitNetwork } from './fit-network.ts'

const PATHS = [
  'etc/os-release',
  'etc/network/interfaces',
  'etc/network/interfaces.d/a',
  'etc/netplan/a.yaml',
  'etc/NetworkManager/system-connections/a.nmconnection',
  'etc/sysconfig/network-scripts/ifcfg-a',
  'etc/sysconfig/network/ifcfg-a',
  'etc/systemd/network/a.network',
  'etc/systemd/network/a.link',
  'etc/udev/rules.d/70-persistent-net.rules',
  'etc/cloud/cloud.cfg',
  'etc/chrony.conf',
  'var/lib/cloud/data/instance-id',
]
/** Pieces that parsers stumble over, in any order. */
const WORDS = [
  'iface',
  ' ',
  '\n',
  '\t',
  'a',
  'inet',
  'static',
  'source',
  '*',
  '[',
  ']',
  '{',
  '}',
  ':',
  '-',
  '"',
  "'",
  '\\',
  '#',
  '=',
  '00:50:56:aa:bb:cc',
  '10.0.0.5/24',
  'network',
  'ethernets',
  'Match',
  'Name',
  'ID',
  'debian',
  'address1',
  'IPADDR',
  '/',
  '..',
  '\0',
  '\u00ff',
]

test('whatever stands in the files, fitting ends, throws nothing and writes below /etc and /var only', () => {
  const text = fc.array(fc.constantFrom(...WORDS), { maxLength: 60 }).map(words => words.join(''))
  const guest = fc.dictionary(
    fc.constantFrom(...PATHS),
    text.map((content): PhonyFile => ({ content, mode: 0o600 })),
    { maxKeys: 8 },
  )

  fc.assert(
    fc.property(guest, fc.constantFrom('keep' as const, 'dhcp' as const), fc.boolean(), (files, policy, hasNic) => {
      const tree = phonyGuest({ 'sbin/init': { link: 'systemd' }, 'usr/sbin/netplan': '', 'usr/bin/cloud-init': '', ...files })
      const facts = detectGuest(tree, { partitions: [] })
      fitNetwork(tree, { facts, policy, nics: hasNic ? [{ oldMac: '00:50:56:aa:bb:cc', newMac: '52:54:00:00:00:01' }] : [] })
      fitIdentity(tree, { facts })

      assert.deepEqual(
        tree.changes().filter(({ path }) => !/^\/(?:etc|var)(?:\/|$)/.test(path)),
        [],
      )
    }),
    { numRuns: 1500 },
  )
})

test('large files take no time', () => {
  const started = process.threadCpuUsage()
  const large: Record<string, string> = {
    'etc/network/interfaces': 'iface a inet static\n address 10.0.0.5/24\\\n'.repeat(20_000),
    'etc/netplan/a.yaml': 'network: {ethernets: {a: {addresses: [\n'.repeat(5000),
    'etc/systemd/network/a.network': '[Route]\n#\n\n'.repeat(60_000),
    'etc/udev/rules.d/70-persistent-net.rules': 'SUBSYSTEM=="net", ATTR{address}=="00:50:56:aa:bb:cc", NAME="eth0"\n'.repeat(10_000),
    'etc/sysconfig/network-scripts/ifcfg-a': Array.from({ length: 20_000 }, (_, at) => `IPADDR${at}=10.0.0.1\n`).join(''),
  }
  const tree = phonyGuest({ 'etc/os-release': 'ID=rhel\nVERSION_ID=9\n', ...large })

  fitNetwork(tree, { facts: detectGuest(tree, { partitions: [] }), policy: 'dhcp', nics: [] })

  const { user } = process.threadCpuUsage(started)
  assert.ok(user < 5_000_000, `${user} µs of CPU time`)
})
