import assert from 'node:assert/strict'
import { test } from 'node:test'
import { phonyGuest } from '../tree/phony-guest.ts'
import { findAgents } from './find-agents.ts'
import { maskAgents } from './mask-agents.ts'

const STATUS = `Package: open-vm-tools
Status: install ok installed
Version: 1

Package: hyperv-daemons
Status: deinstall ok config-files

Package: qemu-guest-agent
Status: install ok installed
`
const DEBIAN = {
  'var/lib/dpkg/status': STATUS,
  'lib/systemd/system/open-vm-tools.service': '[Service]\n',
  'lib/systemd/system/vgauth.service': '[Service]\n',
  'lib/systemd/system/qemu-guest-agent.service': '[Service]\n',
  'etc/systemd/system/vmtoolsd.service': { link: '/lib/systemd/system/open-vm-tools.service' },
  'etc/systemd/system/multi-user.target.wants/open-vm-tools.service': { link: '/lib/systemd/system/open-vm-tools.service' },
  'etc/init.d/open-vm-tools': '#!/bin/sh\n',
}

test('agents of the old platform are masked under systemd and nothing is removed', () => {
  const tree = phonyGuest(DEBIAN)

  const { masked, agents } = maskAgents(tree, { target: 'kvm', init: 'systemd' })

  assert.deepEqual(masked, ['open-vm-tools.service', 'vgauth.service'])
  assert.equal(tree.lstat('/etc/systemd/system/open-vm-tools.service')?.target, '/dev/null')
  assert.deepEqual(
    tree.changes().map(({ path, change }) => `${change} ${path}`),
    ['created /etc/systemd/system/open-vm-tools.service', 'created /etc/systemd/system/vgauth.service'],
  )
  assert.deepEqual(agents[0]?.packages, ['open-vm-tools'])
  assert.equal(agents.length, 1)
})

test('a second run changes nothing', () => {
  const tree = phonyGuest(DEBIAN)
  maskAgents(tree, { target: 'kvm', init: 'systemd' })
  const once = tree.changes().length

  const again = maskAgents(tree, { target: 'kvm', init: 'systemd' })

  assert.deepEqual([again.changes, again.masked], [[], []])
  assert.equal(tree.changes().length, once)
})

test('the agents of the target stay', () => {
  const tree = phonyGuest({ ...DEBIAN, 'lib/systemd/system/hv-kvp-daemon.service': '' })

  assert.deepEqual(maskAgents(tree, { target: 'vmware', init: 'systemd' }).masked, ['hv-kvp-daemon.service'])
  assert.deepEqual(maskAgents(phonyGuest(DEBIAN), { target: 'vmware', init: 'systemd' }).masked, [])
  assert.deepEqual(
    maskAgents(phonyGuest({ 'lib/systemd/system/hv-kvp-daemon.service': '' }), { target: 'azure', init: 'systemd' }).masked,
    [],
  )
})

test('the agents of QEMU are never masked, wherever the machine goes', () => {
  const guest = () =>
    phonyGuest({
      'lib/systemd/system/qemu-guest-agent.service': '',
      'lib/systemd/system/spice-vdagentd.service': '',
      'etc/init.d/qemu-ga': '',
      'etc/rc2.d/S20qemu-ga': { link: '../init.d/qemu-ga' },
    })

  for (const target of ['kvm', 'vmware', 'aws'] as const) {
    for (const init of ['systemd', 'sysvinit', 'openrc'] as const)
      assert.deepEqual(maskAgents(guest(), { target, init, rpmNames: ['qemu-guest-agent'] }).masked, [])
  }
})

test('a unit file that the agent itself put under /etc is kept beside its mask', () => {
  const tree = phonyGuest({
    'etc/systemd/system/snap.amazon-ssm-agent.amazon-ssm-agent.service': '[Unit]\n',
    'etc/systemd/system/policy-routes@.service': 'x',
  })

  const { changes } = maskAgents(tree, { target: 'kvm', init: 'systemd' })

  assert.equal(tree.read('/etc/systemd/system/snap.amazon-ssm-agent.amazon-ssm-agent.service.pre-morph'), '[Unit]\n')
  assert.equal(tree.lstat('/etc/systemd/system/policy-routes@.service')?.target, '/dev/null')
  assert.match(
    changes.join('\n'),
    /snap\.amazon-ssm-agent\.amazon-ssm-agent\.service \(AWS agents\) is masked; its unit file is now .*\.pre-morph/,
  )
})

test('a sysv script under systemd is masked by the name of its unit', () => {
  const tree = phonyGuest({ 'etc/init.d/vmware-tools': '#!/bin/sh\n' })

  assert.deepEqual(maskAgents(tree, { target: 'kvm', init: 'systemd' }).masked, ['vmware-tools.service'])
})

test('sysv start links become stop links', () => {
  const tree = phonyGuest({
    'etc/init.d/vmware-tools': '#!/bin/sh\n',
    'etc/rc2.d/S19vmware-tools': { link: '../init.d/vmware-tools' },
    'etc/rc3.d/S00vmware-tools': { link: '../init.d/vmware-tools' },
    'etc/rc3.d/S20ssh': { link: '../init.d/ssh' },
    'etc/rc0.d/K01vmware-tools': { link: '../init.d/vmware-tools' },
  })

  const { masked } = maskAgents(tree, { target: 'kvm', init: 'sysvinit' })

  assert.deepEqual(masked, ['vmware-tools'])
  assert.deepEqual(
    [tree.list('/etc/rc2.d'), tree.list('/etc/rc3.d'), tree.list('/etc/rc0.d')],
    [['K81vmware-tools'], ['K00vmware-tools', 'S20ssh'], ['K01vmware-tools']],
  )
  assert.equal(tree.lstat('/etc/rc2.d/K81vmware-tools')?.target, '../init.d/vmware-tools')
})

test('links seen twice through a linked folder (Red Hat) are turned once', () => {
  const tree = phonyGuest({
    'etc/rc.d/init.d/hypervkvpd': '',
    'etc/rc.d/rc3.d/S20hypervkvpd': { link: '../init.d/hypervkvpd' },
    'etc/rc3.d': { link: 'rc.d/rc3.d' },
    'etc/init.d': { link: 'rc.d/init.d' },
  })

  const { changes } = maskAgents(tree, { target: 'kvm', init: 'sysvinit' })

  assert.deepEqual(tree.list('/etc/rc.d/rc3.d'), ['K80hypervkvpd'])
  assert.deepEqual(changes, ['hypervkvpd (Hyper-V daemons) is not started any more in 1 runlevels'])
})

test('upstart jobs are set to manual and what an override held stays', () => {
  const tree = phonyGuest({ 'etc/init/vmware-tools.conf': 'start on x\n', 'etc/init/vmware-tools.override': 'env A=1' })

  const { masked } = maskAgents(tree, { target: 'kvm', init: 'upstart' })

  assert.deepEqual(masked, ['vmware-tools'])
  assert.equal(tree.read('/etc/init/vmware-tools.override'), 'env A=1\nmanual\n')
  assert.deepEqual(maskAgents(tree, { target: 'kvm', init: 'upstart' }).masked, [])
})

test('OpenRC services leave their runlevels', () => {
  const tree = phonyGuest({
    'etc/init.d/open-vm-tools': '',
    'etc/runlevels/default/open-vm-tools': { link: '/etc/init.d/open-vm-tools' },
    'etc/runlevels/default/sshd': { link: '/etc/init.d/sshd' },
  })

  const { masked } = maskAgents(tree, { target: 'kvm', init: 'openrc' })

  assert.deepEqual(masked, ['open-vm-tools'])
  assert.deepEqual(tree.list('/etc/runlevels/default'), ['sshd'])
})

test('packages are found in the databases of apk and pacman and in a list of rpm names', () => {
  const apk = phonyGuest({ 'lib/apk/db/installed': 'P:open-vm-tools\nV:1\n\nP:musl\n' })
  const pacman = phonyGuest({ 'var/lib/pacman/local/virtualbox-guest-utils-7.0.8-1/desc': '' })

  assert.deepEqual(findAgents(apk, 'kvm')[0]?.packages, ['open-vm-tools'])
  assert.deepEqual(findAgents(pacman, 'kvm')[0]?.packages, ['virtualbox-guest-utils'])
  assert.deepEqual(findAgents(phonyGuest({}), 'kvm', ['WALinuxAgent-udev', 'bash'])[0]?.packages, ['WALinuxAgent-udev'])
  assert.deepEqual(findAgents(phonyGuest({}), 'kvm', ['bash']), [])
})

test('modules, clocks and shared folders of the old platform become comments', () => {
  const tree = phonyGuest({
    'etc/modules': '# x\nloop\nvmhgfs\n',
    'etc/modules-load.d/hv.conf': 'hv_utils\nhv\n',
    'etc/chrony/chrony.conf': 'pool ntp.example.org\nrefclock PHC /dev/ptp_hyperv poll 3\n',
    'etc/fstab': 'UUID=x / ext4\n.host:/ /mnt/hgfs fuse.vmhgfs-fuse defaults 0 0\nshare /s vboxsf\n',
  })

  const { changes } = maskAgents(tree, { target: 'kvm', init: 'systemd' })

  assert.equal(tree.read('/etc/modules'), '# x\nloop\n# instar: a module of the old platform that cannot be loaded here\n# vmhgfs\n')
  assert.match(tree.read('/etc/modules-load.d/hv.conf')!, /^# instar: .*\n# hv_utils\nhv\n$/)
  assert.match(tree.read('/etc/chrony/chrony.conf')!, /^pool ntp\.example\.org\n# instar: .*\n# refclock/)
  assert.match(tree.read('/etc/fstab')!, /^UUID=x \/ ext4\n# instar: .*\n# \.host:.*\n# instar: .*\n# share/)
  assert.equal(changes.length, 5)
  assert.deepEqual(maskAgents(tree, { target: 'kvm', init: 'systemd' }).changes, [])
})

test('what belongs to the target stays as it is', () => {
  const files = { 'etc/modules': 'vmhgfs\n', 'etc/fstab': '.host:/ /mnt/hgfs vmhgfs defaults\n' }
  const tree = phonyGuest(files)

  maskAgents(tree, { target: 'vmware', init: 'systemd' })

  assert.deepEqual(tree.changes(), [])
})

test('logins that ask the old cloud are reported, not changed', () => {
  const tree = phonyGuest({
    'etc/nsswitch.conf': 'passwd: files oslogin\n',
    'etc/chrony.conf': 'server 169.254.169.123\nserver ntp.example.org\n',
    'etc/ssh/sshd_config': '#AuthorizedKeysCommand /usr/share/ec2-instance-connect/eic_run_authorized_keys\n',
  })

  const { warnings } = maskAgents(tree, { target: 'kvm', init: 'systemd' })

  assert.deepEqual(
    warnings.map(({ path, weight }) => `${weight} ${path}`),
    ['degraded /etc/nsswitch.conf', 'degraded /etc/chrony.conf'],
  )
  assert.deepEqual(tree.changes(), [])
})

test('an agent of which nothing starts is named', () => {
  const { warnings, agents } = maskAgents(phonyGuest({}), { target: 'kvm', init: 'systemd', rpmNames: ['open-vm-tools'] })

  assert.equal(agents[0]?.name, 'VMware tools')
  assert.match(warnings[0]!.message, /nothing of it starts by itself/)
})

test('an init that we cannot tell to leave an agent out is reported', () => {
  const tree = phonyGuest({ 'etc/init.d/vmware-tools': '' })

  const { warnings, masked } = maskAgents(tree, { target: 'kvm', init: 'busybox' })

  assert.deepEqual([masked, tree.changes()], [[], []])
  assert.match(warnings[0]!.message, /VMware tools: how to keep it from starting under busybox/)
})
