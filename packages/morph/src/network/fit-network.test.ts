import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detectGuest } from '../detect/detect.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import type { PhonyFile } from '../tree/phony-guest.ts'
import { phonyGuest } from '../tree/phony-guest.ts'
import { fitNetwork } from './fit-network.ts'
import type { NicMapping } from './match-nics.ts'

const OLD = '00:50:56:aa:bb:cc'
const NEW = '52:54:00:12:34:56'
const ONE: readonly NicMapping[] = [{ oldMac: OLD, newMac: NEW }]

type Files = Record<string, PhonyFile>
const wants = (unit: string): Files => ({
  [`etc/systemd/system/multi-user.target.wants/${unit}`]: { link: `/usr/lib/systemd/system/${unit}` },
})
const systemd: Files = { 'sbin/init': { link: '/usr/lib/systemd/systemd' } }
const DEBIAN: Files = { 'etc/os-release': 'ID=debian\nVERSION_ID="12"\n', ...systemd, ...wants('networking.service') }
const UBUNTU: Files = { 'etc/os-release': 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="22.04"\n', ...systemd, 'usr/sbin/netplan': '' }
const RHEL9: Files = { 'etc/os-release': 'ID=rhel\nID_LIKE=fedora\nVERSION_ID="9.4"\n', ...systemd, ...wants('NetworkManager.service') }
const KEYFILE = 'etc/NetworkManager/system-connections/lan.nmconnection'

function fit(files: Files, nics: readonly NicMapping[], policy: 'keep' | 'dhcp' = 'keep') {
  const tree = phonyGuest(files)
  const facts = detectGuest(tree, { partitions: [] })
  const outcome = fitNetwork(tree, { facts, policy, nics })
  return {
    tree,
    outcome,
    changed: tree
      .changes()
      .filter(each => each.entry?.kind === 'file')
      .map(each => each.path),
    again: () => fitNetwork(tree, { facts, policy, nics }),
  }
}
const messages = ({ outcome }: ReturnType<typeof fit>) => outcome.warnings.map(each => each.message)
const linkOf = (tree: GuestTree, name: string) => tree.read(`/etc/systemd/network/10-instar-${name}.link`)

test('Debian: the name stays with the new card, the static address stays byte for byte', () => {
  const interfaces = 'auto ens192\niface ens192 inet static\n  address 10.0.0.5/24\n  gateway 10.0.0.1\n'
  const done = fit({ ...DEBIAN, 'etc/network/interfaces': interfaces }, ONE)

  assert.match(linkOf(done.tree, 'ens192') ?? '', /^\[Match\]\nMACAddress=52:54:00:12:34:56\nPath=\*\n\n\[Link\]\nName=ens192$/m)
  assert.equal(done.tree.read('/etc/network/interfaces'), interfaces)
  assert.deepEqual(done.changed, ['/etc/systemd/network/10-instar-ens192.link'])
  assert.deepEqual(done.outcome.nics, [{ name: 'ens192', newMac: NEW, addresses: ['10.0.0.5/24'], dhcp: false, isPinned: true }])
  assert.deepEqual(done.outcome.inInitramfs, ['/etc/systemd/network/10-instar-ens192.link'])
  assert.deepEqual(done.outcome.warnings, [])
})

test('without any address known, an only card gets the old name wherever it sits', () => {
  const done = fit({ ...DEBIAN, 'etc/network/interfaces': 'auto ens192\niface ens192 inet static\n  address 10.0.0.5/24\n' }, [])

  assert.match(linkOf(done.tree, 'ens192') ?? '', /^\[Match\]\nPath=\*\n\n\[Link\]\nName=ens192$/m)
  assert.equal(done.outcome.nics[0]?.isPinned, true)
  assert.deepEqual(done.outcome.warnings, [])
})

test('without any address known, several cards are left as they are and the flag is said', () => {
  const done = fit({ ...DEBIAN, 'etc/network/interfaces': 'iface ens192 inet static\n  address 10.0.0.5/24\niface ens224 inet dhcp\n' }, [])

  assert.deepEqual(done.changed, [])
  assert.deepEqual(messages(done), [
    'the names ens192, ens224 depend on where the cards sit and will change: give --nic OLD=NEW for each card',
  ])
})

test("the kernel's own name of an only card needs nothing", () => {
  const done = fit(
    { ...DEBIAN, 'boot/grub/grub.cfg': 'linux /vmlinuz root=x net.ifnames=0\n', 'etc/network/interfaces': 'iface eth0 inet dhcp\n' },
    [],
  )

  assert.deepEqual(done.changed, [])
  assert.deepEqual(done.outcome.warnings, [])
})

test('netplan of cloud-init: the old address is replaced in place, in lower case, and the name pinned', () => {
  const text = `network:\n  ethernets:\n    eth0:\n      match: {macaddress: "${OLD.toUpperCase()}"}  # by cloud-init\n      set-name: eth0\n      addresses: [10.0.0.5/24]\n`
  const done = fit({ ...UBUNTU, 'etc/netplan/50-cloud-init.yaml': { content: text, mode: 0o600 } }, ONE)

  assert.equal(done.tree.read('/etc/netplan/50-cloud-init.yaml'), text.replace(OLD.toUpperCase(), NEW))
  assert.equal(done.tree.stat('/etc/netplan/50-cloud-init.yaml')?.mode, 0o600)
  assert.match(linkOf(done.tree, 'eth0') ?? '', /Name=eth0/)
})

test('netplan of cloud-init without any address known: matched by the name that the only card gets', () => {
  const text = `network:\n  ethernets:\n    eth0:\n      match:\n        macaddress: ${OLD}\n      set-name: eth0\n      dhcp4: true\n`
  const done = fit({ ...UBUNTU, 'etc/netplan/50-cloud-init.yaml': text }, [])

  assert.equal(done.tree.read('/etc/netplan/50-cloud-init.yaml'), text.replace(`macaddress: ${OLD}`, 'name: "eth0"'))
  assert.match(linkOf(done.tree, 'eth0') ?? '', /^Path=\*$/m)
  assert.deepEqual(done.outcome.warnings, [])
})

test('an address that netplan sets is not taken for one that it matches', () => {
  const text = `network:\n  ethernets:\n    a:\n      match: {macaddress: "${OLD}"}\n      macaddress: "${OLD}"\n`
  const done = fit({ ...UBUNTU, 'etc/netplan/x.yaml': text }, [])

  assert.equal(done.tree.read('/etc/netplan/x.yaml'), text)
  assert.match(messages(done)[0] ?? '', /give --nic 00:50:56:aa:bb:cc=NEW/)
})

test('NetworkManager: mac-address follows, mode stays 0600, everything else stays', () => {
  const text = `[connection]\nid=lan\ntype=ethernet\ninterface-name=ens192\n\n[ethernet]\nmac-address=${OLD.toUpperCase()}\n\n[ipv4]\naddress1=10.0.0.5/24,10.0.0.1\nmethod=manual\n`
  const done = fit({ ...RHEL9, [KEYFILE]: { content: text, mode: 0o600 } }, ONE)

  assert.equal(done.tree.read(KEYFILE), text.replace(OLD.toUpperCase(), NEW))
  assert.equal(done.tree.stat(KEYFILE)?.mode, 0o600)
  assert.match(linkOf(done.tree, 'ens192') ?? '', /MACAddress=52:54:00:12:34:56/)
})

test('RHEL 7 has no .link files: a rule in lower case, and HWADDR in place', () => {
  const done = fit(
    {
      'etc/os-release': 'ID="rhel"\nVERSION_ID="7.9"\n',
      ...systemd,
      ...wants('NetworkManager.service'),
      'etc/sysconfig/network-scripts/ifcfg-ens192': `DEVICE=ens192\nHWADDR="${OLD.toUpperCase()}" # card\nIPADDR=10.0.0.5\nPREFIX=24\n`,
    },
    ONE,
  )

  assert.equal(
    done.tree.read('/etc/sysconfig/network-scripts/ifcfg-ens192'),
    `DEVICE=ens192\nHWADDR="${NEW}" # card\nIPADDR=10.0.0.5\nPREFIX=24\n`,
  )
  assert.equal(
    done.tree.read('/etc/udev/rules.d/70-persistent-net.rules'),
    `SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="${NEW}", ATTR{type}=="1", NAME="ens192"\n`,
  )
  assert.equal(linkOf(done.tree, 'ens192'), undefined)
})

test('RHEL 6: rules for cards that are gone are taken away, the right one is changed', () => {
  const rule = (mac: string, name: string) =>
    `SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="${mac}", ATTR{type}=="1", KERNEL=="eth*", NAME="${name}"\n`
  const done = fit(
    {
      'etc/redhat-release': 'CentOS release 6.10 (Final)\n',
      'etc/rc.d/rc3.d/S10network': { link: '../init.d/network' },
      'lib/udev/rules.d/x': '',
      'etc/sysconfig/network-scripts/ifcfg-eth0': `DEVICE=eth0\nHWADDR=${OLD}\nIPADDR=10.0.0.5\n`,
      'etc/udev/rules.d/70-persistent-net.rules': `# PCI device\n${rule('00:50:56:00:00:01', 'eth1')}${rule(OLD, 'eth0')}`,
    },
    ONE,
  )

  assert.equal(done.tree.read('/etc/udev/rules.d/70-persistent-net.rules'), `# PCI device\n${rule(NEW, 'eth0')}`)
  assert.deepEqual(done.outcome.nics, [{ name: 'eth0', newMac: NEW, addresses: ['10.0.0.5'], dhcp: false, isPinned: true }])
})

test('SUSE without any address known: the stale rule goes, so that the only card is eth0 again', () => {
  const done = fit(
    {
      'etc/os-release': 'ID=sles\nID_LIKE=suse\nVERSION_ID=15.5\n',
      ...systemd,
      'etc/sysconfig/network/ifcfg-eth0': "BOOTPROTO='static'\nIPADDR='10.0.0.5/24'\n",
      'etc/udev/rules.d/70-persistent-net.rules': `SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="${OLD}", NAME="eth0"\n`,
    },
    [],
  )

  assert.equal(done.tree.read('/etc/udev/rules.d/70-persistent-net.rules'), '')
  assert.deepEqual(done.outcome.warnings, [])
})

test('two cards are told apart by their addresses, and the last one by elimination', () => {
  const done = fit(
    {
      ...RHEL9,
      [KEYFILE]: {
        content: `[connection]\nid=a\ntype=ethernet\ninterface-name=ens192\n[ethernet]\nmac-address=${OLD}\n[ipv4]\naddress1=10.0.0.5/24\nmethod=manual\n`,
        mode: 0o600,
      },
      'etc/NetworkManager/system-connections/b.nmconnection': {
        content: '[connection]\nid=b\ntype=ethernet\ninterface-name=ens224\n[ipv4]\nmethod=auto\n',
        mode: 0o600,
      },
    },
    [
      { oldMac: '00:50:56:aa:bb:dd', newMac: '52:54:00:00:00:02' },
      { oldMac: OLD, newMac: NEW },
    ],
  )

  assert.match(linkOf(done.tree, 'ens192') ?? '', new RegExp(`MACAddress=${NEW}`))
  assert.match(linkOf(done.tree, 'ens224') ?? '', /MACAddress=52:54:00:00:00:02/)
  assert.deepEqual(done.outcome.warnings, [])
})

test('cards that nothing tells apart are not guessed', () => {
  const done = fit({ ...DEBIAN, 'etc/network/interfaces': 'iface ens192 inet dhcp\niface ens224 inet dhcp\n' }, [
    { oldMac: OLD, newMac: NEW },
    { oldMac: '00:50:56:aa:bb:dd', newMac: '52:54:00:00:00:02' },
  ])

  assert.deepEqual(done.changed, [])
  assert.match(messages(done)[0] ?? '', /which of ens192, ens224 is which of the new cards .* is not known/)
})

test('a name that the caller knows decides', () => {
  const done = fit({ ...DEBIAN, 'etc/network/interfaces': 'iface ens192 inet dhcp\niface ens224 inet dhcp\n' }, [
    { oldName: 'ens224', newMac: NEW },
    { oldName: 'ens192', newMac: '52:54:00:00:00:02' },
  ])

  assert.match(linkOf(done.tree, 'ens224') ?? '', new RegExp(`MACAddress=${NEW}`))
  assert.equal(
    done.outcome.nics.every(nic => nic.isPinned),
    true,
  )
})

test('cards that are gone, and several names of the kernel, are said', () => {
  const gone = fit({ ...DEBIAN, 'etc/network/interfaces': 'iface ens192 inet dhcp\niface ens224 inet dhcp\n' }, [
    { oldName: 'ens192', newMac: NEW },
  ])
  const swap = fit({ ...DEBIAN, 'etc/network/interfaces': 'iface eth0 inet dhcp\niface eth1 inet dhcp\n' }, [
    { oldName: 'eth1', newMac: NEW },
    { oldName: 'eth0', newMac: '52:54:00:00:00:02' },
  ])

  assert.match(messages(gone)[0] ?? '', /ens224 has no card on the new machine/)
  assert.match(messages(swap)[0] ?? '', /attach the cards in the old order/)
})

test('an old address outside the network configuration is left and said', () => {
  const done = fit({ ...DEBIAN, 'etc/network/interfaces': 'iface eth0 inet dhcp\n', 'etc/vendor/licence.dat': `HOSTID=${OLD}\n` }, ONE)

  assert.equal(done.tree.read('/etc/vendor/licence.dat'), `HOSTID=${OLD}\n`)
  assert.deepEqual(
    done.outcome.warnings.map(each => each.path),
    ['/etc/vendor/licence.dat'],
  )
})

test('a bond keeps its ports, each with its card; only cards are matched', () => {
  const interfaces = 'iface bond0 inet static\n  address 10.0.0.5/24\n  bond-slaves ens192 ens224\n'
  const done = fit({ ...DEBIAN, 'etc/network/interfaces': interfaces }, [
    { oldName: 'ens192', newMac: NEW },
    { oldName: 'ens224', newMac: '52:54:00:00:00:02' },
  ])

  assert.equal(done.tree.read('/etc/network/interfaces'), interfaces)
  assert.match(linkOf(done.tree, 'ens192') ?? '', /^Path=\*$/m)
  assert.equal(linkOf(done.tree, 'bond0'), undefined)
})

test('Alpine has no udev: nothing is pinned, an only eth0 is right by itself', () => {
  const alpine: Files = {
    'etc/os-release': 'ID=alpine\nVERSION_ID=3.20\n',
    'bin/busybox': '',
    'sbin/init': { link: '/bin/busybox' },
    'sbin/openrc': '',
    'etc/runlevels/boot/networking': { link: '/etc/init.d/networking' },
  }
  const one = fit({ ...alpine, 'etc/network/interfaces': 'iface eth0 inet static\n  address 10.0.0.5/24\n' }, [])
  const two = fit({ ...alpine, 'etc/network/interfaces': 'iface eth0 inet dhcp\niface eth1 inet dhcp\n' }, [
    { oldName: 'eth0', newMac: NEW },
    { oldName: 'eth1', newMac: '52:54:00:00:00:02' },
  ])

  assert.deepEqual([one.changed, one.outcome.warnings], [[], []])
  assert.match(messages(two)[0] ?? '', /cannot be tied to cards here/)
})

test('fitting twice changes nothing more', () => {
  for (const nics of [ONE, []]) {
    const done = fit(
      {
        ...UBUNTU,
        'etc/netplan/x.yaml': `network: {ethernets: {ens192: {match: {macaddress: "${OLD}"}, set-name: ens192, addresses: [10.0.0.5/24]}}}\n`,
      },
      nics,
    )
    const first = done.tree.changes()

    const second = done.again()

    assert.deepEqual(done.tree.changes(), first)
    assert.deepEqual(second.warnings, [])
  }
})

test('a hostile name never becomes a path', () => {
  const done = fit({ ...DEBIAN, 'etc/network/interfaces': 'iface ens192 inet dhcp\n' }, [{ oldName: '../../x', newMac: NEW }])

  assert.deepEqual(done.changed, [])
})
