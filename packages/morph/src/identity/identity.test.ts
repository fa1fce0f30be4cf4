import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detectGuest } from '../detect/detect.ts'
import type { PhonyFile } from '../tree/phony-guest.ts'
import { phonyGuest } from '../tree/phony-guest.ts'
import { fitCloudInit } from './fit-cloud-init.ts'
import { fitIdentity } from './fit-identity.ts'
import { newOutcome } from '../references/outcome.ts'

type Files = Record<string, PhonyFile>

const BASE: Files = {
  'etc/os-release': 'ID=debian\nVERSION_ID=12\n',
  'sbin/init': { link: '/usr/lib/systemd/systemd' },
  'usr/bin/cloud-init': '',
  'usr/lib/systemd/system-generators/cloud-init-generator': '',
  'etc/cloud/cloud.cfg': 'users:\n  - default\ndatasource_list: [Ec2]\n',
  'var/lib/cloud/data/instance-id': 'i-0123456789\n',
  'var/lib/cloud/instance': { link: '/var/lib/cloud/instances/i-0123456789' },
  'var/lib/cloud/instances/i-0123456789/datasource': 'DataSourceEc2Local: DataSourceEc2Local\n',
  'var/lib/cloud/instances/i-0123456789/user-data.txt': '#cloud-config\nhostname: old\n',
}

function cloudInit(files: Files) {
  const tree = phonyGuest(files)
  const outcome = newOutcome()
  const decision = fitCloudInit(tree, detectGuest(tree, { partitions: [] }), outcome)
  return {
    tree,
    outcome,
    decision,
    changed: tree
      .changes()
      .filter(each => each.entry?.kind === 'file')
      .map(each => each.path),
  }
}

test('an instance whose metadata stayed behind is switched off and not made anew', () => {
  const { decision, changed, outcome } = cloudInit(BASE)

  assert.equal(decision, 'disable')
  assert.deepEqual(changed, ['/etc/cloud/cloud-init.disabled'])
  assert.match(outcome.changes[0] ?? '', /i-0123456789 is set up, and its source DataSourceEc2Local/)
})

test('one with work at every boot keeps its old id and its data, from a seed', () => {
  const { decision, tree } = cloudInit({
    ...BASE,
    'var/lib/cloud/instances/i-0123456789/user-data.txt': '#cloud-config\nbootcmd:\n  - mount /x\n',
  })

  assert.equal(decision, 'pin')
  assert.equal(tree.read('/var/lib/cloud/seed/nocloud/meta-data'), 'instance-id: "i-0123456789"\n')
  assert.equal(tree.read('/var/lib/cloud/seed/nocloud/user-data'), '#cloud-config\nbootcmd:\n  - mount /x\n')
  assert.equal(tree.stat('/var/lib/cloud/seed/nocloud/user-data')?.mode, 0o600)
  assert.match(
    tree.read('/etc/cloud/cloud.cfg.d/99_instar.cfg') ?? '',
    /^datasource_list: \[NoCloud, None\]\nnetwork: \{config: disabled\}\npreserve_hostname: true$/m,
  )
})

test('where nothing looks at the switch the instance is pinned', () => {
  const { 'usr/lib/systemd/system-generators/cloud-init-generator': _, ...old } = BASE

  assert.equal(cloudInit(old).decision, 'pin')
  assert.equal(cloudInit({ ...BASE, 'sbin/init': '', 'etc/inittab': '' }).decision, 'pin')
})

test('data in the guest itself comes along: only the network part is switched off', () => {
  const datasource = 'var/lib/cloud/instances/i-0123456789/datasource'
  const none = cloudInit({ ...BASE, [datasource]: 'DataSourceNone: DataSourceNone\n' })
  const seed = cloudInit({
    ...BASE,
    [datasource]: 'DataSourceNoCloud: DataSourceNoCloud [seed=/var/lib/cloud/seed/nocloud-net][dsmode=net]\n',
  })
  const cdrom = cloudInit({ ...BASE, [datasource]: 'DataSourceNoCloud: DataSourceNoCloud [seed=/dev/sr0][dsmode=net]\n' })
  const already = cloudInit({
    ...BASE,
    [datasource]: 'DataSourceNone\n',
    'etc/cloud/cloud.cfg.d/99-off.cfg': 'network: {config: disabled}\n',
  })

  assert.deepEqual([none.decision, seed.decision, cdrom.decision, already.decision], ['leave', 'leave', 'disable', 'leave'])
  assert.deepEqual(none.changed, ['/etc/cloud/cloud.cfg.d/99_instar.cfg'])
  assert.deepEqual(already.changed, [])
})

test('what is off, never ran or is not there stays as it is', () => {
  const { 'var/lib/cloud/data/instance-id': _, ...neverRan } = BASE
  const { 'usr/bin/cloud-init': __, ...notThere } = BASE
  const cases = [
    neverRan,
    notThere,
    { ...BASE, 'etc/cloud/cloud-init.disabled': '' },
    { ...BASE, 'boot/grub/grub.cfg': 'linux /vmlinuz ro cloud-init=disabled\n' },
    { ...BASE, 'etc/systemd/system/cloud-init.service': { link: '/dev/null' } },
  ]

  for (const files of cases) assert.deepEqual([cloudInit(files).decision, cloudInit(files).changed], ['nothing', []])
})

test('a hostile instance id stays one text in the seed', () => {
  const { tree } = cloudInit({
    ...BASE,
    'var/lib/cloud/data/instance-id': 'x\nssh_deletekeys: true',
    'var/lib/cloud/scripts/per-boot/a': '',
  })

  assert.equal(tree.read('/var/lib/cloud/seed/nocloud/meta-data'), 'instance-id: "x\\nssh_deletekeys: true"\n')
})

function identity(files: Files) {
  const tree = phonyGuest({ 'etc/os-release': 'ID=debian\nVERSION_ID=12\n', 'sbin/init': { link: '/usr/lib/systemd/systemd' }, ...files })
  return { tree, outcome: fitIdentity(tree, { facts: detectGuest(tree, { partitions: [] }) }) }
}
const ID: Files = { 'etc/machine-id': '0123456789abcdef0123456789abcdef\n' }
const CHRONY: Files = { 'etc/systemd/system/multi-user.target.wants/chronyd.service': { link: '/usr/lib/systemd/system/chronyd.service' } }

test('a machine that is in order is not touched', () => {
  const { tree, outcome } = identity({ ...ID, ...CHRONY, 'etc/ssh/ssh_host_rsa_key': 'x', 'etc/chrony.conf': 'pool x iburst\n' })

  assert.deepEqual([tree.changes(), outcome.changes, outcome.warnings], [[], [], []])
})

test('clocks of the old platform go, without which chrony would not start', () => {
  const { tree, outcome } = identity({
    ...ID,
    ...CHRONY,
    'etc/chrony.conf': 'refclock PHC /dev/ptp_hyperv poll 3\nserver 169.254.169.123 prefer\nmakestep 1 3\n',
  })

  assert.equal(
    tree.read('/etc/chrony.conf'),
    '# by Instar, of the old platform: refclock PHC /dev/ptp_hyperv poll 3\n# by Instar, of the old platform: server 169.254.169.123 prefer\nmakestep 1 3\n',
  )
  assert.match(outcome.warnings[0]?.message ?? '', /no time source is left/)
})

test('without a time service the one of systemd is switched on, unless it is masked or not there', () => {
  const unit: Files = { 'lib/systemd/system/systemd-timesyncd.service': '[Install]\n' }
  const on = identity({ ...ID, ...unit })
  const masked = identity({ ...ID, ...unit, 'etc/systemd/system/systemd-timesyncd.service': { link: '/dev/null' } })

  assert.equal(
    on.tree.lstat('/etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service')?.target,
    '/lib/systemd/system/systemd-timesyncd.service',
  )
  assert.deepEqual(masked.tree.changes(), [])
  assert.match(masked.outcome.warnings[0]?.message ?? '', /no time service/)
})

test('an empty machine-id and a clock in local time are said and not changed', () => {
  const { tree, outcome } = identity({ ...CHRONY, 'etc/machine-id': '', 'etc/adjtime': '0.0 0 0.0\n0\nLOCAL\n' })

  assert.deepEqual(tree.changes(), [])
  assert.deepEqual(
    outcome.warnings.map(each => each.path),
    ['/etc/machine-id', '/etc/adjtime'],
  )
})
