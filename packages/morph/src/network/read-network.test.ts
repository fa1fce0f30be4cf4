import assert from 'node:assert/strict'
import { test } from 'node:test'
import { detectGuest } from '../detect/detect.ts'
import type { PhonyFile } from '../tree/phony-guest.ts'
import { phonyGuest } from '../tree/phony-guest.ts'
import { macsIn, parseMac, replaceMacs } from './mac.ts'
import { cardNames } from './model.ts'
import { readNetwork } from './read-network.ts'

const read = (files: Record<string, PhonyFile>) => {
  const tree = phonyGuest(files)
  return readNetwork(tree, detectGuest(tree, { partitions: [] }))
}
const inCharge = (reading: ReturnType<typeof read>) => reading.systems.filter(each => each.isInCharge).map(each => each.system)
const short = (reading: ReturnType<typeof read>) =>
  reading.profiles.map(({ kind, name, mac, addresses, gateways, dhcp, builtOn }) =>
    [kind, name ?? '-', mac ?? '-', addresses.join(' '), gateways.join(' '), dhcp ? 'dhcp' : 'static', builtOn.join(' ')].join(' | '),
  )
const wants = (unit: string): Record<string, PhonyFile> => ({
  [`etc/systemd/system/multi-user.target.wants/${unit}`]: { link: `/usr/lib/systemd/system/${unit}` },
})
const RHEL9: Record<string, PhonyFile> = {
  'etc/os-release': 'ID=rhel\nVERSION_ID=9.4\n',
  'sbin/init': { link: '/usr/lib/systemd/systemd' },
}

test('interfaces(5): sources, continued lines, several stanzas of one name, bonds, bridges and VLANs', () => {
  const reading = read({
    'etc/network/interfaces': `# comment \\
  continued comment
auto lo
iface lo inet loopback

source /etc/network/interfaces.d/*
source-directory more
allow-hotplug ens192
iface ens192 inet static
\taddress 192.168.1.10
\tnetmask 255.255.255.0
\tgateway \\
\t  192.168.1.1
\tdns-nameservers 8.8.8.8 1.1.1.1
  up ip route add 10.0.0.0/8 via 192.168.1.2
iface ens192 inet6 static
  address fd00::5/64
  gateway fd00::1
iface ens192:1 inet static
  address 192.168.1.11/24
`,
    'etc/network/interfaces.d/bond':
      'iface bond0 inet static\n  address 10.0.0.5/24\n  bond-slaves ens224 ens256\n  bond_mode 1\niface bond0.7 inet dhcp\n',
    'etc/network/interfaces.d/loop': 'source /etc/network/interfaces\niface br0 inet manual\n  bridge_ports ens161\n',
    'etc/network/more/ok': 'iface vlan9 inet dhcp\n  vlan-raw-device ens193\n',
    'etc/network/more/not.ok': 'iface no inet dhcp\n',
    ...wants('networking.service'),
  })

  assert.deepEqual(short(reading), [
    'ethernet | ens192 | - | 192.168.1.10/24 | 192.168.1.1 | static | ',
    'ethernet | ens192 | - | fd00::5/64 | fd00::1 | static | ',
    'ethernet | ens192 | - | 192.168.1.11/24 |  | static | ',
    'bond | bond0 | - | 10.0.0.5/24 |  | static | ens224 ens256',
    'vlan | bond0.7 | - |  |  | dhcp | bond0',
    'bridge | br0 | - |  |  | static | ens161',
    'vlan | vlan9 | - |  |  | dhcp | ens193',
  ])
  assert.deepEqual(reading.profiles[0]?.dns, ['8.8.8.8', '1.1.1.1'])
  assert.deepEqual(inCharge(reading), ['ifupdown'])
  assert.deepEqual(cardNames(reading), ['ens161', 'ens192', 'ens193', 'ens224', 'ens256'])
})

test('netplan: files are merged by name, ids are not always names', () => {
  const reading = read({
    'usr/sbin/netplan': '',
    'etc/netplan/00-installer-config.yaml':
      'network:\n  ethernets:\n    ens160: {addresses: [10.0.0.5/24], gateway4: 10.0.0.1}\n  version: 2\n',
    'etc/netplan/50-cloud-init.yaml': `network:
  ethernets:
    eth0:
      match: {macaddress: "00:50:56:AA:BB:CC"}
      set-name: ens192
      dhcp4: true
    any: {match: {name: "en*"}, dhcp4: no}
    ens160:
      addresses: [{10.0.0.6/24: {label: "ens160:1"}}]
      routes: [{to: default, via: "fd00::1"}]
  bonds:
    bond0: {interfaces: [eth0, ens160], addresses: [10.1.0.1/16]}
  vlans:
    v7: {id: 7, link: bond0}
`,
    'etc/netplan/90-broken.yaml': 'network: {ethernets: {x: [}}\n',
    'etc/netplan/99-empty.yaml': '',
    'etc/netplan/old.yaml.bak': 'network: {ethernets: {no: {}}}',
  })

  assert.deepEqual(short(reading), [
    'ethernet | ens160 | - | 10.0.0.5/24 10.0.0.6/24 | 10.0.0.1 fd00::1 | static | ',
    'ethernet | ens192 | 00:50:56:aa:bb:cc |  |  | dhcp | ',
    'ethernet | - | - |  |  | static | ',
    'bond | bond0 | - | 10.1.0.1/16 |  | static | ens192 ens160',
    'vlan | v7 | - |  |  | static | bond0',
  ])
  assert.deepEqual(
    reading.warnings.map(each => each.path),
    ['/etc/netplan/90-broken.yaml'],
  )
})

test('a leftover of netplan does not count where netplan is not installed', () => {
  const reading = read({
    'etc/netplan/01-sample.yaml': 'network: {ethernets: {eth9: {dhcp4: true}}}',
    'etc/network/interfaces': 'auto eth0\niface eth0 inet dhcp\n',
    ...wants('networking.service'),
  })

  assert.deepEqual(inCharge(reading), ['ifupdown'])
  assert.deepEqual(cardNames(reading), ['eth0'])
})

test('keyfiles: sections stay apart, old forms, ports, and files that NetworkManager ignores', () => {
  const folder = 'etc/NetworkManager/system-connections'
  const secret = (content: string) => ({ content, mode: 0o600 })
  const reading = read({
    ...RHEL9,
    ...wants('NetworkManager.service'),
    [`${folder}/lan.nmconnection`]: secret(
      '[connection]\nid=lan with blanks\nuuid=u1\ntype=ethernet\ninterface-name=ens192\n\n[ethernet]\nmac-address=00:50:56:AA:BB:CC\n\n[ipv4]\naddress1=10.0.0.5/24,10.0.0.1\naddress2=10.0.0.6/24\ndns=8.8.8.8;1.1.1.1;\nmethod=manual\n\n[ipv6]\naddress1=fd00::5/64\nmethod=manual\n',
    ),
    [`${folder}/old`]: secret(
      '[connection]\nid=old\ntype=802-3-ethernet\n[802-3-ethernet]\nmac-address=00:50:56:aa:bb:dd\n[ipv4]\nmethod=manual\naddresses1=10.2.0.5;16;10.2.0.1;\n',
    ),
    [`${folder}/bond.nmconnection`]: secret('[connection]\nid=bond\nuuid=u3\ntype=bond\ninterface-name=bond0\n[ipv4]\nmethod=auto\n'),
    [`${folder}/port.nmconnection`]: secret('[connection]\nid=port\ntype=ethernet\ninterface-name=ens224\nmaster=u3\nslave-type=bond\n'),
    [`${folder}/open.nmconnection`]: { content: '[connection]\nid=open\ntype=ethernet\ninterface-name=ens9\n', mode: 0o644 },
    [`${folder}/lan.nmconnection~`]: secret('[connection]\nid=copy\ntype=ethernet\ninterface-name=ens8\n'),
  })

  assert.deepEqual(short(reading), [
    'bond | bond0 | - |  |  | dhcp | ens224',
    'ethernet | ens192 | 00:50:56:aa:bb:cc | 10.0.0.5/24 10.0.0.6/24 fd00::5/64 | 10.0.0.1 | static | ',
    'ethernet | - | 00:50:56:aa:bb:dd | 10.2.0.5/16 | 10.2.0.1 | static | ',
    'ethernet | ens9 | - |  |  | static | ',
    'ethernet | ens224 | - |  |  | static | ',
  ])
  assert.deepEqual(cardNames(reading), ['ens192', 'ens224'])
  assert.match(reading.warnings[0]?.message ?? '', /others than root may read it/)
})

test('ifcfg of Red Hat: numbered addresses, quotes, bonds, VLANs, copies', () => {
  const folder = 'etc/sysconfig/network-scripts'
  const reading = read({
    'etc/os-release': 'ID="centos"\nVERSION_ID="7"\n',
    'etc/rc.d/rc3.d/S10network': { link: '../init.d/network' },
    [`${folder}/ifcfg-lo`]: 'DEVICE=lo\nIPADDR=127.0.0.1\n',
    [`${folder}/ifcfg-System_eth0`]:
      'DEVICE="eth0" # the first\nHWADDR=00:50:56:AA:BB:CC\nBOOTPROTO=none\nIPADDR0=192.168.1.1\nPREFIX0=24\nIPADDR1=192.168.1.10\nNETMASK1=255.255.255.0\nGATEWAY0=192.168.1.254\nIPV6ADDR=fd00::5/64\nDNS1=8.8.8.8\n',
    [`${folder}/ifcfg-bond0`]: "DEVICE=bond0\nTYPE=Bond\nBONDING_OPTS='mode=1 miimon=100'\nBOOTPROTO=dhcp\n",
    [`${folder}/ifcfg-eth1`]: 'DEVICE=eth1\nMASTER=bond0\nSLAVE=yes\n',
    [`${folder}/ifcfg-bond0.7`]: 'DEVICE=bond0.7\nVLAN=yes\nIPADDR=10.7.0.5\nPREFIX=24\n',
    [`${folder}/ifcfg-eth0.bak`]: 'DEVICE=eth7\n',
  })

  assert.deepEqual(short(reading), [
    'ethernet | eth0 | 00:50:56:aa:bb:cc | 192.168.1.1/24 192.168.1.10/24 fd00::5/64 | 192.168.1.254 | static | ',
    'bond | bond0 | - |  |  | dhcp | eth1',
    'vlan | bond0.7 | - | 10.7.0.5/24 |  | static | bond0',
    'ethernet | eth1 | - |  |  | static | ',
  ])
  assert.deepEqual(inCharge(reading), ['ifcfg-redhat'])
})

test('NetworkManager reads ifcfg up to RHEL 9, not in 10', () => {
  const files = (version: string) => ({
    'etc/os-release': `ID=rhel\nVERSION_ID=${version}\n`,
    ...wants('NetworkManager.service'),
    'etc/sysconfig/network-scripts/ifcfg-ens192': 'DEVICE=ens192\nIPADDR=10.0.0.5\n',
    'etc/NetworkManager/system-connections/x.nmconnection': { content: '[connection]\nid=x\ntype=ethernet\n', mode: 0o600 },
  })

  assert.deepEqual(cardNames(read(files('9.4'))), ['ens192'])
  assert.deepEqual(cardNames(read(files('10.0'))), [])
})

test('ifcfg of SUSE: names are in the file names, routes in files of their own', () => {
  const folder = 'etc/sysconfig/network'
  const reading = read({
    'etc/os-release': 'ID=sles\nID_LIKE=suse\nVERSION_ID=15.5\n',
    'etc/systemd/system/network.service': { link: '/usr/lib/systemd/system/wicked.service' },
    [`${folder}/ifcfg-eth0`]:
      "BOOTPROTO='static'\nSTARTMODE='auto'\nIPADDR='10.0.0.5/24'\nIPADDR_1='10.0.0.6'\nPREFIXLEN_1='24'\nLABEL_1='1'\n",
    [`${folder}/ifroute-eth0`]: 'default 10.0.0.1 - -\n',
    [`${folder}/ifcfg-br0`]: "BOOTPROTO='dhcp'\nBRIDGE='yes'\nBRIDGE_PORTS='eth1 eth2'\n",
    [`${folder}/ifcfg-vlan7`]: "ETHERDEVICE='eth0'\nVLAN_ID='7'\n",
    [`${folder}/ifcfg.template`]: 'X=1\n',
    [`${folder}/config`]: 'NETCONFIG_DNS_STATIC_SERVERS=""\n',
  })

  assert.deepEqual(short(reading), [
    'bridge | br0 | - |  |  | dhcp | eth1 eth2',
    'ethernet | eth0 | - | 10.0.0.5/24 10.0.0.6/24 | 10.0.0.1 | static | ',
    'vlan | vlan7 | - |  |  | static | eth0',
  ])
  assert.deepEqual(inCharge(reading), ['ifcfg-suse'])
  assert.equal(reading.usesKernelNames, true)
})

test('systemd-networkd: drop-ins, masked files, bonds; what ships for containers is no card', () => {
  const reading = read({
    ...RHEL9,
    ...wants('systemd-networkd.service'),
    'etc/systemd/network/10-lan.network':
      '[Match]\nPermanentMACAddress=00:50:56:aa:bb:cc\n[Network]\nAddress=10.0.0.5/24\nGateway=10.0.0.1\n[Address]\nAddress=10.0.0.6/24\n',
    'etc/systemd/network/10-lan.network.d/dns.conf': '[Network]\nDNS=8.8.8.8 1.1.1.1\n',
    'etc/systemd/network/20-port.network': '[Match]\nName=ens224\n[Network]\nBond=bond0\n',
    'etc/systemd/network/20-bond.netdev': '[NetDev]\nName=bond0\nKind=bond\n',
    'etc/systemd/network/30-bond.network': '[Match]\nName=bond0\n[Network]\nDHCP=ipv4\n',
    'etc/systemd/network/40-masked.network': { link: '/dev/null' },
    'usr/lib/systemd/network/40-masked.network': '[Match]\nName=ens8\n',
    'usr/lib/systemd/network/80-container-host0.network': '[Match]\nVirtualization=container\nName=host0\n[Network]\nDHCP=yes\n',
  })

  assert.deepEqual(short(reading), [
    'ethernet | - | 00:50:56:aa:bb:cc | 10.0.0.5/24 10.0.0.6/24 | 10.0.0.1 | static | ',
    'ethernet | ens224 | - |  |  | static | ',
    'bond | bond0 | - |  |  | dhcp | ens224',
    'other | host0 | - |  |  | dhcp | ',
  ])
  assert.deepEqual(reading.profiles[0]?.dns, ['8.8.8.8', '1.1.1.1'])
})

test('Alpine under OpenRC, and rules that name cards', () => {
  const reading = read({
    'etc/os-release': 'ID=alpine\nVERSION_ID=3.20.1\n',
    'etc/runlevels/boot/networking': { link: '/etc/init.d/networking' },
    'etc/network/interfaces': 'auto eth0\niface eth0 inet static\n\taddress 10.0.0.5/24\n',
    'etc/udev/rules.d/70-persistent-net.rules':
      '# x\nSUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*", ATTR{address}=="00:50:56:aa:bb:cc", ATTR{dev_id}=="0x0", ATTR{type}=="1", KERNEL=="eth*", NAME="eth0"\n',
    'etc/systemd/network/10-x.link': '[Match]\nMACAddress=00:50:56:aa:bb:dd 00:50:56:aa:bb:ee\n[Link]\nName=lan0\n',
  })

  assert.deepEqual(inCharge(reading), ['ifupdown'])
  assert.equal(reading.usesKernelNames, true)
  assert.deepEqual(
    reading.pins.map(({ mac, name }) => `${mac} ${name}`),
    ['00:50:56:aa:bb:dd lan0', '00:50:56:aa:bb:ee lan0', '00:50:56:aa:bb:cc eth0'],
  )
})

test('names that are no interface names never count', () => {
  const reading = read({
    'etc/network/interfaces':
      'iface ../../etc/passwd inet static\n  address 10.0.0.5/24\niface a\u001bb inet dhcp\niface averyveryverylongname inet dhcp\n',
  })

  assert.deepEqual(cardNames(reading), [])
})

test('addresses of cards are replaced as words, all at once, in lower case', () => {
  const changes = new Map([
    ['00:50:56:aa:bb:cc', '52:54:00:00:00:01'],
    ['52:54:00:00:00:01', '52:54:00:00:00:02'],
  ])

  assert.equal(
    replaceMacs('a 00:50:56:AA:BB:CC "00-50-56-aa-bb-cc" 52:54:00:00:00:01 00:50:56:aa:bb:cc:01', changes),
    'a 52:54:00:00:00:01 "52-54-00-00-00-01" 52:54:00:00:00:02 00:50:56:aa:bb:cc:01',
  )
  assert.equal(parseMac('0050.56AA.BBCC'), '00:50:56:aa:bb:cc')
  assert.equal(parseMac('00:50:56:aa:bb'), undefined)
  assert.deepEqual(macsIn('x=fe80::1 y=00:50:56:aa:bb:cc;'), ['00:50:56:aa:bb:cc'])
})
