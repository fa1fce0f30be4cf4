import { known } from '../detect/known.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { iniValue, iniValues, parseIni } from './ini.ts'
import { parseMac } from './mac.ts'
import type { NicProfile } from './model.ts'

const FOLDERS = ['/usr/lib/NetworkManager/system-connections', '/etc/NetworkManager/system-connections'] as const
const KINDS: ReadonlyMap<string, NicProfile['kind']> = new Map<string, NicProfile['kind']>([
  ['ethernet', 'ethernet'],
  ['802-3-ethernet', 'ethernet'],
  ['bond', 'bond'],
  ['team', 'bond'],
  ['bridge', 'bridge'],
  ['vlan', 'vlan'],
])

/** NetworkManager's keyfiles: in /etc also those without the ending, of old versions; never hidden ones, copies or half-written ones. */
export function keyfiles(tree: GuestTree): string[] {
  return FOLDERS.flatMap(folder => known(() => tree.glob(`${folder}/*`)) ?? []).filter(
    path =>
      path.endsWith('.nmconnection') ||
      (path.startsWith('/etc/') && !/(?:~|\.(?:bak|orig|rpmsave|rpmnew|pem|der|[A-Za-z0-9]{6}))$/.test(path)),
  )
}

/** NetworkManager takes no file that others may read, nor one that is not root's: such a profile never worked. */
export function isAccepted(tree: GuestTree, path: string): boolean {
  const entry = known(() => tree.stat(path))
  return entry !== undefined && (entry.mode & 0o077) === 0 && entry.uid === 0
}

export function readNetworkManager(tree: GuestTree): Omit<NicProfile, 'isActive'>[] {
  const profiles = keyfiles(tree).map(path => profileOf(path, known(() => tree.read(path)) ?? ''))
  return profiles.map(draft => {
    const { uuid: _uuid, upper: _upper, parent: _parent, ...profile } = draft
    return { ...profile, builtOn: builtOn(draft, profiles) }
  })
}

type Draft = Omit<NicProfile, 'isActive'> & { readonly uuid: string; readonly upper: string; readonly parent: string }

function profileOf(file: string, text: string): Draft {
  const lines = parseIni(text)
  const connection = (key: string): string => iniValue(lines, 'connection', key) ?? ''
  const name = connection('interface-name')
  const mac = ['ethernet', '802-3-ethernet', 'vlan']
    .map(section => parseMac(iniValue(lines, section, 'mac-address')))
    .find(each => each !== undefined)
  const all = ['ipv4', 'ipv6'].flatMap(section => iniValues(lines, section, /^address(?:es)?\d*$/).flatMap(addressesOf))
  const gateways = ['ipv4', 'ipv6'].flatMap(section => iniValues(lines, section, /^gateway$/))
  return {
    system: 'networkmanager',
    file,
    kind: KINDS.get(connection('type')) ?? 'other',
    label: connection('id') || file.slice(file.lastIndexOf('/') + 1),
    ...(name === '' ? {} : { name }),
    ...(mac === undefined ? {} : { mac }),
    addresses: all.map(([address]) => address),
    gateways: [...gateways, ...all.flatMap(([, gateway]) => gateway ?? [])],
    dns: ['ipv4', 'ipv6'].flatMap(section =>
      iniValues(lines, section, /^dns$/).flatMap(value => value.split(/[;,]/).filter(each => each !== '')),
    ),
    dhcp: iniValue(lines, 'ipv4', 'method') === 'auto' || iniValue(lines, 'ipv6', 'method') === 'dhcp',
    builtOn: [],
    uuid: connection('uuid'),
    upper: connection('master') || connection('controller'),
    parent: iniValue(lines, 'vlan', 'parent') ?? '',
  }
}

/** "10.0.0.5/24,10.0.0.1", "10.0.0.5/24;10.0.0.6/24;", and "10.0.0.5;24;10.0.0.1;" of old versions. */
function addressesOf(value: string): [address: string, gateway?: string][] {
  const parts = value.split(/[;,]/).filter(part => part !== '')
  const [address = '', second, third] = parts
  if (/^\d{1,3}$/.test(second ?? ''))
    return [third === undefined || /^[0.:]+$/.test(third) ? [`${address}/${second}`] : [`${address}/${second}`, third]]
  if (value.includes(',')) return [second === undefined ? [address] : [address, second]]
  return parts.map(each => [each])
}

/** Ports name their bond or bridge by UUID, id or interface; a VLAN its parent by UUID or interface. */
function builtOn(upper: Draft, all: readonly Draft[]): string[] {
  const ports = all
    .filter(port => port.upper !== '' && [upper.uuid, upper.label, upper.name].includes(port.upper))
    .flatMap(port => port.name ?? [])
  const parent = all.find(other => other.uuid !== '' && other.uuid === upper.parent)?.name ?? upper.parent
  return upper.kind === 'vlan' && parent !== '' ? [...ports, parent] : ports
}
