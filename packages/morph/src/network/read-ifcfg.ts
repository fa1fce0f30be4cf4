import { known } from '../detect/known.ts'
import { parseShellValues } from '../detect/shell-values.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { withPrefix } from './addresses.ts'
import { parseMac } from './mac.ts'
import type { NicProfile } from './model.ts'

export const IFCFG_FOLDERS = { 'ifcfg-redhat': '/etc/sysconfig/network-scripts', 'ifcfg-suse': '/etc/sysconfig/network' } as const
type IfcfgSystem = keyof typeof IFCFG_FOLDERS

/** The files that the scripts take; copies that editors and packages leave are none. */
export function ifcfgFiles(tree: GuestTree, system: IfcfgSystem): string[] {
  const files = known(() => tree.glob(`${IFCFG_FOLDERS[system]}/ifcfg-*`)) ?? []
  return files.filter(path => !/(?:~|\.(?:bak|orig|old|rpmsave|rpmnew|rpmorig|template|swp|scpmbackup))$|\/ifcfg-lo$/.test(path))
}

export function readIfcfg(tree: GuestTree, system: IfcfgSystem): Omit<NicProfile, 'isActive'>[] {
  const files = ifcfgFiles(tree, system).map(file => ({ file, values: parseShellValues(known(() => tree.read(file)) ?? '') }))
  const profiles = files.map(({ file, values }) => (system === 'ifcfg-redhat' ? redHat(file, values) : suse(tree, file, values)))
  return profiles.map(profile => ({ ...profile, builtOn: [...profile.builtOn, ...portsOf(profile, files)] }))
}

type Values = ReadonlyMap<string, string>

function redHat(file: string, values: Values): Omit<NicProfile, 'isActive'> {
  const suffix = file.slice(file.lastIndexOf('/ifcfg-') + '/ifcfg-'.length)
  const name = (values.get('DEVICE') || suffix).split(':')[0]!
  const mac = parseMac(values.get('HWADDR'))
  const type = (values.get('TYPE') ?? '').toLowerCase()
  const parent = values.get('PHYSDEV') ?? /^(.+)\.\d+$/.exec(name)?.[1]
  const isVlan = /^yes$/i.test(values.get('VLAN') ?? '') || type === 'vlan'
  const isBond =
    values.has('BONDING_OPTS') || values.has('BONDING_MASTER') || type === 'bond' || type === 'team' || values.has('TEAM_CONFIG')
  return {
    system: 'ifcfg-redhat',
    file,
    label: suffix,
    name,
    kind: isVlan ? 'vlan' : isBond ? 'bond' : type === 'bridge' ? 'bridge' : ['', 'ethernet'].includes(type) ? 'ethernet' : 'other',
    ...(mac === undefined ? {} : { mac }),
    addresses: [
      ...numbered(values, 'IPADDR'),
      ...(values.get('IPV6ADDR') ?? '').split(/\s+/),
      ...(values.get('IPV6ADDR_SECONDARIES') ?? '').split(/\s+/),
    ].filter(each => each !== ''),
    gateways: matching(values, /^(?:GATEWAY\d*|IPV6_DEFAULTGW)$/),
    dns: matching(values, /^DNS\d*$/),
    dhcp: /^dhcp$/i.test(values.get('BOOTPROTO') ?? ''),
    builtOn: isVlan && parent !== undefined ? [parent] : [],
  }
}

/** IPADDR with PREFIX or NETMASK, and the same with numbers. */
function numbered(values: Values, key: string): string[] {
  return [...values.keys()]
    .filter(each => new RegExp(`^${key}(?:\\d*)$`).test(each))
    .map(each => {
      const number = each.slice(key.length)
      return withPrefix(values.get(each)!, values.get(`PREFIX${number}`) ?? values.get(`NETMASK${number}`))
    })
}

function suse(tree: GuestTree, file: string, values: Values): Omit<NicProfile, 'isActive'> {
  const label = file.slice(file.lastIndexOf('/ifcfg-') + '/ifcfg-'.length)
  // SLES 10 names files by address: ifcfg-eth-id-00:50:56:aa:bb:cc.
  const mac = parseMac(/^eth-id-(.*)$/.exec(label)?.[1])
  const parent = values.get('ETHERDEVICE')
  const isYes = (key: string): boolean => /^yes$/i.test(values.get(key) ?? '')
  const addresses = [...values.keys()]
    .filter(key => /^IPADDR(?:_\w+)?$/.test(key) && values.get(key) !== '')
    .map(key => {
      const ending = key.slice('IPADDR'.length)
      return withPrefix(values.get(key)!, values.get(`PREFIXLEN${ending}`) || values.get(`NETMASK${ending}`))
    })
  const ports = isYes('BRIDGE') ? (values.get('BRIDGE_PORTS') ?? '').split(/\s+/) : matching(values, /^BONDING_SLAVE_?\d+$/)
  return {
    system: 'ifcfg-suse',
    file,
    label,
    ...(mac === undefined && !label.startsWith('bus-') ? { name: label } : {}),
    ...(mac === undefined ? {} : { mac }),
    kind: parent !== undefined ? 'vlan' : isYes('BONDING_MASTER') ? 'bond' : isYes('BRIDGE') ? 'bridge' : 'ethernet',
    addresses,
    gateways: routesOf(tree, label),
    dns: [],
    dhcp: /^dhcp/i.test(values.get('BOOTPROTO') ?? ''),
    builtOn: parent !== undefined ? [parent] : ports.filter(port => port !== ''),
  }
}

/** "default 10.0.0.1 - -" in ifroute-NAME, and in `routes` for all. */
function routesOf(tree: GuestTree, name: string): string[] {
  const folder = IFCFG_FOLDERS['ifcfg-suse']
  return [`${folder}/ifroute-${name}`, `${folder}/routes`].flatMap(path =>
    [...(known(() => tree.read(path)) ?? '').matchAll(/^\s*default\s+(\S+)/gm)].map(found => found[1]!).filter(gateway => gateway !== '-'),
  )
}

/** Ports of Red Hat's bonds and bridges name what they belong to. */
function portsOf({ name }: Omit<NicProfile, 'isActive'>, files: readonly { file: string; values: Values }[]): string[] {
  return files
    .filter(({ values }) => ['MASTER', 'BRIDGE', 'TEAM_MASTER'].some(key => values.get(key) === name))
    .map(({ file, values }) => values.get('DEVICE') || file.slice(file.lastIndexOf('/ifcfg-') + '/ifcfg-'.length))
}

function matching(values: Values, key: RegExp): string[] {
  return [...values].filter(([each, value]) => key.test(each) && value !== '').map(([, value]) => value)
}
