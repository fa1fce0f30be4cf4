import type { GuestTree } from '../tree/guest-tree.ts'
import { withPrefix } from './addresses.ts'
import type { IfaceStanza } from './interfaces.ts'
import { optionOf, readInterfaces } from './interfaces.ts'
import { parseMac } from './mac.ts'
import type { NicProfile } from './model.ts'

/** Debian's and Alpine's /etc/network/interfaces; one profile for each stanza, so that inet and inet6 of one interface both stay. */
export function readIfupdown(tree: GuestTree): Omit<NicProfile, 'isActive'>[] {
  return readInterfaces(tree)
    .stanzas.filter(({ name, method }) => name !== 'lo' && method !== 'loopback')
    .map(profileOf)
}

function profileOf(stanza: IfaceStanza): Omit<NicProfile, 'isActive'> {
  const { file, name: label, method } = stanza
  // An alias "eth0:1" is an address of eth0.
  const name = label.split(':')[0]!
  const netmask = optionOf(stanza, 'netmask')?.[0]
  const addresses = stanza.options.filter(({ words }) => words[0] === 'address').map(({ words }) => withPrefix(words[1] ?? '', netmask))
  // `hwaddress` sets the card's address and does not choose a card: it is no `mac` here.
  return {
    system: 'ifupdown',
    file,
    label,
    name,
    ...kindOf(stanza, name),
    addresses,
    gateways: optionOf(stanza, 'gateway') ?? [],
    dns: optionOf(stanza, 'dns-nameservers', 'dns-nameserver') ?? [],
    dhcp: method === 'dhcp',
  }
}

function kindOf(stanza: IfaceStanza, name: string): Pick<NicProfile, 'kind' | 'builtOn'> {
  const named = (words: readonly string[] | undefined): string[] => (words ?? []).filter(word => !['none', 'regex', 'all'].includes(word))
  const ports = optionOf(stanza, 'bridge-ports')
  if (ports !== undefined) return { kind: 'bridge', builtOn: named(ports) }
  const slaves = optionOf(stanza, 'bond-slaves', 'slaves', 'bond-ports')
  if (slaves !== undefined) return { kind: 'bond', builtOn: named(slaves) }
  if (optionOf(stanza, 'bond-mode') !== undefined) return { kind: 'bond', builtOn: [] }
  const parent = optionOf(stanza, 'vlan-raw-device')?.[0] ?? /^(.+)\.\d+$/.exec(name)?.[1]
  if (parent !== undefined) return { kind: 'vlan', builtOn: [parent] }
  const isCard = stanza.method !== 'ppp' && stanza.method !== 'tunnel' && parseMac(name) === undefined
  return { kind: isCard ? 'ethernet' : 'other', builtOn: [] }
}
