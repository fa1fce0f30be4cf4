import { known } from '../detect/known.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import type { IniLine } from './ini.ts'
import { iniValue, iniValues, parseIni } from './ini.ts'
import { parseMac } from './mac.ts'
import type { NicProfile } from './model.ts'

/** Files of systemd's network folders with that ending, in its order: one in /etc hides its namesake, a link to /dev/null masks it. */
export function networkdFiles(tree: GuestTree, ending: '.network' | '.netdev' | '.link'): string[] {
  const byName = new Map<string, string>()
  for (const folder of ['/usr/lib/systemd/network', '/lib/systemd/network', '/etc/systemd/network']) {
    for (const path of known(() => tree.glob(`${folder}/*${ending}`)) ?? []) byName.set(path.slice(path.lastIndexOf('/') + 1), path)
  }
  return [...byName.keys()]
    .sort()
    .map(name => byName.get(name)!)
    .filter(path => known(() => tree.lstat(path))?.target !== '/dev/null')
}

/** systemd-networkd's own files; what netplan makes of its own lies in /run and is not there. */
export function readNetworkd(tree: GuestTree): Omit<NicProfile, 'isActive'>[] {
  const devices = new Map<string, NicProfile['kind']>()
  for (const file of networkdFiles(tree, '.netdev')) {
    const lines = parseIni(known(() => tree.read(file)) ?? '')
    const kind = iniValue(lines, 'NetDev', 'Kind')
    devices.set(iniValue(lines, 'NetDev', 'Name') ?? '', kind === 'bond' || kind === 'vlan' || kind === 'bridge' ? kind : 'other')
  }
  const profiles = networkdFiles(tree, '.network').map(file => profileOf(tree, file, devices))
  return profiles.map(({ carries: _carries, ...profile }) => ({
    ...profile,
    builtOn: profiles.filter(card => profile.name !== undefined && card.carries.includes(profile.name)).flatMap(card => card.name ?? []),
  }))
}

/** With its drop-ins, which add lines. */
export function networkdLines(tree: GuestTree, file: string): IniLine[] {
  const name = file.slice(file.lastIndexOf('/') + 1)
  const dropIns = ['/usr/lib', '/etc'].flatMap(base => known(() => tree.glob(`${base}/systemd/network/${name}.d/*.conf`)) ?? [])
  return [file, ...dropIns].flatMap(path => parseIni(known(() => tree.read(path)) ?? ''))
}

type Draft = Omit<NicProfile, 'isActive'> & { readonly carries: readonly string[] }

function profileOf(tree: GuestTree, file: string, devices: ReadonlyMap<string, NicProfile['kind']>): Draft {
  const lines = networkdLines(tree, file)
  const names = (iniValue(lines, 'Match', 'Name') ?? '').split(/\s+/).filter(name => name !== '')
  const name = names.length === 1 && !/[*?[!]/.test(names[0]!) ? names[0] : undefined
  const mac = parseMac((iniValue(lines, 'Match', 'PermanentMACAddress') ?? iniValue(lines, 'Match', 'MACAddress'))?.split(/\s+/)[0])
  return {
    system: 'networkd',
    file,
    label: file.slice(file.lastIndexOf('/') + 1),
    kind: devices.get(name ?? '') ?? (isForCards(lines, names) ? 'ethernet' : 'other'),
    ...(name === undefined ? {} : { name }),
    ...(mac === undefined ? {} : { mac }),
    addresses: [...iniValues(lines, 'Network', /^Address$/), ...iniValues(lines, 'Address', /^Address$/)],
    gateways: [...iniValues(lines, 'Network', /^Gateway$/), ...iniValues(lines, 'Route', /^Gateway$/)].filter(
      each => !each.startsWith('_'),
    ),
    dns: iniValues(lines, 'Network', /^DNS$/).flatMap(each => each.split(/\s+/)),
    dhcp: /^(?:yes|true|on|1|both|ipv4|ipv6|v4|v6)$/i.test(iniValue(lines, 'Network', 'DHCP') ?? ''),
    carries: iniValues(lines, 'Network', /^(?:Bond|Bridge|VLAN)$/),
    builtOn: [],
  }
}

/** What ships for containers, tunnels and wireless is none of ours. */
function isForCards(lines: readonly IniLine[], names: readonly string[]): boolean {
  const type = iniValue(lines, 'Match', 'Type')
  if (type !== undefined && !/\bether\b/.test(type)) return false
  if (['Kind', 'Virtualization', 'WLANInterfaceType', 'SSID'].some(key => iniValue(lines, 'Match', key) !== undefined)) return false
  return (
    names.length === 0 ||
    names.some(name => /^[e*]/.test(name)) ||
    !names.some(name => /^(?:vb|ve|vt|wl|ww|host|6rd|mv|lo|docker|br)/.test(name))
  )
}
