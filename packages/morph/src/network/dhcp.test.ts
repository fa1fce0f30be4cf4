import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detectGuest } from '../detect/detect.ts'
import type { PhonyFile } from '../tree/phony-guest.ts'
import { phonyGuest } from '../tree/phony-guest.ts'
import { fitNetwork } from './fit-network.ts'

type Files = Record<string, PhonyFile>
const wants = (unit: string): Files => ({
  [`etc/systemd/system/multi-user.target.wants/${unit}`]: { link: `/usr/lib/systemd/system/${unit}` },
})
const systemd: Files = { 'sbin/init': { link: '/usr/lib/systemd/systemd' } }

function dhcp(files: Files) {
  const tree = phonyGuest({ ...systemd, ...files })
  const outcome = fitNetwork(tree, { facts: detectGuest(tree, { partitions: [] }), policy: 'dhcp', nics: [] })
  return { tree, outcome }
}

test('interfaces(5): one stanza a family by DHCP, the rest of it and all others stay', () => {
  const { tree, outcome } = dhcp({
    'etc/os-release': 'ID=debian\nVERSION_ID=12\n',
    ...wants('networking.service'),
    'etc/network/interfaces': `auto lo
iface lo inet loopback
# the lan
auto ens192
iface ens192 inet static
  address 10.0.0.5
  netmask 255.255.255.0
  gateway 10.0.0.1
  mtu 9000
iface ens192 inet static
  address 10.0.0.6/24
iface ens192 inet6 static
  address fd00::5/64
`,
  })

  assert.equal(
    tree.read('/etc/network/interfaces'),
    'auto lo\niface lo inet loopback\n# the lan\nauto ens192\niface ens192 inet dhcp\n  mtu 9000\niface ens192 inet6 auto\n',
  )
  assert.deepEqual(outcome.nics, [{ name: 'ens192', addresses: [], dhcp: true, isPinned: true }])
})

test('netplan: addresses go from all files, bonds keep their ports, the mode stays', () => {
  const { tree, outcome } = dhcp({
    'etc/os-release': 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID=22.04\n',
    'usr/sbin/netplan': '',
    'etc/netplan/01.yaml': {
      content:
        'network:\n  version: 2\n  bonds:\n    bond0:\n      interfaces: [ens192]\n      addresses: [10.0.0.5/24]\n      gateway4: 10.0.0.1\n      routes: [{to: default, via: 10.0.0.1}, {to: 10.9.0.0/16, via: 10.0.0.9}]\n      parameters: {mode: active-backup}\n  ethernets:\n    ens192: {}\n',
      mode: 0o600,
    },
    'etc/netplan/02.yaml': 'network: {bonds: {bond0: {addresses: [10.0.0.6/24]}}}\n',
  })

  assert.equal(
    tree.read('/etc/netplan/01.yaml'),
    `# Rewritten by Instar: addresses come by DHCP.
network:
  version: 2
  bonds:
    bond0:
      interfaces:
        - ens192
      routes:
        - to: 10.9.0.0/16
          via: 10.0.0.9
      parameters:
        mode: active-backup
      dhcp4: true
  ethernets:
    ens192: {}
`,
  )
  assert.equal(tree.stat('/etc/netplan/01.yaml')?.mode, 0o600)
  assert.deepEqual(
    outcome.nics.find(nic => nic.name === 'bond0'),
    { name: 'bond0', addresses: [], dhcp: true, isPinned: false },
  )
})

test('keyfiles: both families, and only what is in use', () => {
  const folder = 'etc/NetworkManager/system-connections'
  const text =
    '[connection]\nid=lan\ntype=ethernet\ninterface-name=ens192\n\n[ipv4]\naddress1=10.0.0.5/24,10.0.0.1\ndns=8.8.8.8;\nmethod=manual\nroute1=10.9.0.0/16,10.0.0.9\n\n[ipv6]\naddress1=fd00::5/64\nmethod=manual\n\n[proxy]\n'
  const { tree } = dhcp({
    'etc/os-release': 'ID=rhel\nVERSION_ID=9.4\n',
    ...wants('NetworkManager.service'),
    [`${folder}/lan.nmconnection`]: { content: text, mode: 0o600 },
    [`${folder}/ignored.nmconnection`]: { content: text, mode: 0o644 },
  })

  assert.equal(
    tree.read(`/${folder}/lan.nmconnection`),
    '[connection]\nid=lan\ntype=ethernet\ninterface-name=ens192\n\n[ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n\n[proxy]\n',
  )
  assert.equal(tree.stat(`/${folder}/lan.nmconnection`)?.mode, 0o600)
  assert.equal(tree.read(`/${folder}/ignored.nmconnection`), text)
})

test('ifcfg of Red Hat and SUSE, with the routes of the interface', () => {
  const redHat = dhcp({
    'etc/os-release': 'ID=rhel\nVERSION_ID=8.10\n',
    ...wants('NetworkManager.service'),
    'etc/sysconfig/network-scripts/ifcfg-ens192':
      'DEVICE=ens192\nBOOTPROTO=none\nIPADDR=10.0.0.5\nPREFIX=24\nGATEWAY=10.0.0.1\nDNS1=8.8.8.8\nONBOOT=yes\n',
    'etc/sysconfig/network-scripts/route-ens192': '10.9.0.0/16 via 10.0.0.9\n',
  })
  const suse = dhcp({
    'etc/os-release': 'ID=sles\nID_LIKE=suse\nVERSION_ID=15.5\n',
    'etc/sysconfig/network/ifcfg-eth0': "BOOTPROTO='static'\nIPADDR='10.0.0.5/24'\nSTARTMODE='auto'\n",
    'etc/sysconfig/network/ifroute-eth0': 'default 10.0.0.1 - -\n',
  })

  assert.equal(redHat.tree.read('/etc/sysconfig/network-scripts/ifcfg-ens192'), 'DEVICE=ens192\nONBOOT=yes\nBOOTPROTO=dhcp\n')
  assert.equal(redHat.tree.exists('/etc/sysconfig/network-scripts/route-ens192'), false)
  assert.equal(suse.tree.read('/etc/sysconfig/network/ifcfg-eth0'), "STARTMODE='auto'\nBOOTPROTO='dhcp'\n")
  assert.equal(suse.tree.exists('/etc/sysconfig/network/ifroute-eth0'), false)
})

test('systemd-networkd: sections of addresses and routes go whole', () => {
  const { tree } = dhcp({
    'etc/os-release': 'ID=photon\nVERSION_ID=5.0\n',
    ...wants('systemd-networkd.service'),
    'etc/systemd/network/10-lan.network':
      '[Match]\nName=eth0\n\n[Network]\nAddress=10.0.0.5/24\nGateway=10.0.0.1\nLLDP=yes\n\n[Address]\nAddress=10.0.0.6/24\n\n[Route]\nDestination=10.9.0.0/16\nGateway=10.0.0.9\n',
  })

  assert.equal(tree.read('/etc/systemd/network/10-lan.network'), '[Match]\nName=eth0\n\n[Network]\nLLDP=yes\nDHCP=yes\n\n')
})

test('where nothing is configured the system in charge asks by DHCP on any card', () => {
  const networkd = dhcp({ 'etc/os-release': 'ID=photon\nVERSION_ID=5.0\n', ...wants('systemd-networkd.service') })
  const ifupdown = dhcp({
    'etc/os-release': 'ID=debian\nVERSION_ID=12\n',
    ...wants('networking.service'),
    'etc/network/interfaces': 'auto lo\niface lo inet loopback\n',
  })
  const nothing = dhcp({ 'etc/os-release': 'ID=debian\nVERSION_ID=12\n' })

  assert.equal(networkd.tree.read('/etc/systemd/network/90-instar-dhcp.network'), '[Match]\nName=e*\n\n[Network]\nDHCP=yes\n')
  assert.equal(ifupdown.tree.read('/etc/network/interfaces'), 'auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet dhcp\n')
  assert.match(ifupdown.tree.read('/etc/systemd/network/10-instar-eth0.link') ?? '', /Name=eth0/)
  assert.match(nothing.outcome.warnings[0]?.message ?? '', /DHCP could not be set/)
})

test('a guest without a DHCP client is told so, where one is called', () => {
  const base: Files = {
    'etc/os-release': 'ID=debian\nVERSION_ID=12\n',
    'etc/network/interfaces': 'iface eth0 inet static\n  address 10.0.0.5/24\n',
  }

  assert.match(dhcp(base).outcome.warnings[0]?.message ?? '', /has no DHCP client/)
  assert.deepEqual(dhcp({ ...base, 'usr/sbin/dhclient': '' }).outcome.warnings, [])
})

test('what asks by DHCP already is not touched', () => {
  const { tree } = dhcp({
    'etc/os-release': 'ID=debian\nVERSION_ID=12\n',
    'boot/grub/grub.cfg': 'net.ifnames=0',
    'etc/network/interfaces': 'iface eth0 inet dhcp\n',
  })

  assert.deepEqual(tree.changes(), [])
})
