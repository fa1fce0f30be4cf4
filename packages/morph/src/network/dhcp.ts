import { known } from '../detect/known.ts'
import type { OutcomeDraft } from '../references/outcome.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { editIni } from './ini.ts'
import { parseInterfaces } from './interfaces.ts'
import type { NetworkSystem, NicProfile } from './model.ts'
import { IFCFG_FOLDERS } from './read-ifcfg.ts'
import { listOf, mapOf, netplanFiles, networkOf } from './read-netplan.ts'
import type { YamlMap } from './yaml.ts'
import { emitYaml } from './yaml.ts'

/**
 * Gives every interface with static addresses its address by DHCP, in place: bonds, bridges and VLANs keep their ports and parents, cards
 * their names; addresses, gateways, routes and name servers of the profile go. Profiles that are not in use stay as they are.
 */
export function setDhcp(tree: GuestTree, profiles: readonly NicProfile[], outcome: OutcomeDraft): void {
  const isStatic = (profile: NicProfile): boolean => profile.isActive && profile.addresses.length > 0
  const all = profiles.filter(isStatic)
  for (const { system, file } of filesOf(tree, all)) {
    const mine = all.filter(profile => profile.system === system && (system === 'netplan' || profile.file === file))
    const text = known(() => tree.read(file))
    const changed = text === undefined ? undefined : withDhcp(tree, { system, file, text, profiles: mine })
    if (changed === undefined || changed === text) continue
    tree.write(ownPath(file), changed)
    const what = mine.map(profile => profile.name ?? profile.label).join(', ')
    outcome.changes.push(`${what}: address by DHCP instead of ${mine.flatMap(({ addresses }) => addresses).join(', ')} (${ownPath(file)}).`)
    if (system === 'ifcfg-redhat' || system === 'ifcfg-suse') dropRoutes(tree, { system, profiles: mine }, outcome)
  }
}

/** Each file once; of netplan all of them, as a definition may be spread over several. */
function filesOf(tree: GuestTree, profiles: readonly NicProfile[]): { system: NetworkSystem; file: string }[] {
  const others = profiles.filter(({ system }) => system !== 'netplan').map(({ system, file }) => `${system} ${file}`)
  const netplan = others.length < profiles.length ? netplanFiles(tree).map(file => `netplan ${file}`) : []
  return [...new Set([...netplan, ...others])].map(key => {
    const [system, file] = key.split(/ (.*)/s) as [NetworkSystem, string]
    return { system, file }
  })
}

/** What packages own is not touched: a file of the same name in /etc takes its place. */
function ownPath(file: string): string {
  return file.replace(/^(?:\/usr)?\/lib\//, '/etc/')
}

interface Work {
  readonly system: NetworkSystem
  readonly file: string
  readonly text: string
  readonly profiles: readonly NicProfile[]
}

function withDhcp(tree: GuestTree, { system, file, text, profiles }: Work): string | undefined {
  switch (system) {
    case 'netplan':
      return netplanDhcp(tree, file, profiles)
    case 'networkmanager':
      return keyfileDhcp(text)
    case 'networkd':
      return networkdDhcp(text)
    case 'ifupdown':
      return interfacesDhcp(text, file)
    case 'ifcfg-redhat':
      return ifcfgDhcp(text, /^(?:IPADDR|PREFIX|NETMASK|BROADCAST|NETWORK|GATEWAY|DNS|IPV6ADDR|IPV6_DEFAULTGW|DOMAIN)/, 'dhcp')
    case 'ifcfg-suse':
      return ifcfgDhcp(text, /^(?:IPADDR|PREFIXLEN|NETMASK|BROADCAST|NETWORK|LABEL_)/, "'dhcp'")
  }
}

const NETPLAN_SECTIONS = ['ethernets', 'bonds', 'bridges', 'vlans'] as const

/** Written anew from what was understood of it: keys of a mapping cannot be unset from another file. */
function netplanDhcp(tree: GuestTree, file: string, profiles: readonly NicProfile[]): string | undefined {
  const network = networkOf(tree, file, [])
  if (network === undefined) return undefined
  const mine = NETPLAN_SECTIONS.flatMap(section => [...mapOf(network.get(section))]).flatMap(([id, definition]) =>
    profiles.some(profile => profile.label === id) && definition instanceof Map ? definition : [],
  )
  if (mine.length === 0) return undefined
  for (const definition of mine) toDhcp(definition)
  return `# Rewritten by Instar: addresses come by DHCP.\n${emitYaml(new Map([['network', network]]))}`
}

function toDhcp(definition: YamlMap): void {
  for (const key of ['addresses', 'gateway4', 'gateway6', 'nameservers']) definition.delete(key)
  const routes = listOf(definition.get('routes')).filter(route => !isDefault(mapOf(route).get('to')))
  if (routes.length > 0) definition.set('routes', routes)
  else definition.delete('routes')
  definition.set('dhcp4', 'true')
}

function isDefault(to: unknown): boolean {
  return typeof to === 'string' && ['default', '0.0.0.0/0', '::/0', '0/0'].includes(to)
}

function keyfileDhcp(text: string): string {
  const hasIpv6 = /^\[ipv6\][^[]*^method=manual/m.test(text)
  const set = [{ section: 'ipv4', key: 'method', value: 'auto' }]
  if (hasIpv6) set.push({ section: 'ipv6', key: 'method', value: 'auto' })
  return editIni(
    text,
    ({ section, key }) => /^ipv[46]$/.test(section) && /^(?:address(?:es)?\d*|gateway|dns|dns-search|routes?\d*(?:_options)?)$/.test(key),
    set,
  )
}

function networkdDhcp(text: string): string {
  const isGone = ({ section, key }: { section: string; key: string }): boolean =>
    section === 'Address' || section === 'Route' || (section === 'Network' && /^(?:Address|Gateway|DNS|Domains)$/.test(key))
  const changed = editIni(text, isGone, [{ section: 'Network', key: 'DHCP', value: 'yes' }])
  // An empty section would be a route or an address without a value.
  return changed.replaceAll(/^\[(?:Address|Route)\][ \t]*\n(?:[ \t]*(?:[#;].*)?\n)*(?=\[|$(?![\s\S]))/gm, '')
}

const STATIC_OPTIONS = /^(?:address|netmask|broadcast|network|gateway|pointopoint|scope|metric|preferred-lifetime|dad-attempts|dns-.*)$/

/** A second static stanza of the same interface and family is only one more address, and goes. */
function interfacesDhcp(text: string, file: string): string {
  const lines: (string | undefined)[] = text.split('\n')
  const seen = new Set<string>()
  for (const stanza of parseInterfaces(text, file).stanzas) {
    if (stanza.method !== 'static') continue
    const key = `${stanza.name.split(':')[0]} ${stanza.family}`
    const isMore = seen.has(key) || stanza.name.includes(':')
    seen.add(key)
    const gone = stanza.options.filter(({ words }) => isMore || STATIC_OPTIONS.test(words[0]!))
    for (const { first, last } of isMore ? [stanza.head, ...gone] : gone) lines.fill(undefined, first, last + 1)
    if (isMore) continue
    lines.fill(undefined, stanza.head.first, stanza.head.last + 1)
    lines[stanza.head.first] = `iface ${stanza.name} ${stanza.family} ${stanza.family === 'inet6' ? 'auto' : 'dhcp'}`
  }
  return lines.filter(line => line !== undefined).join('\n')
}

function ifcfgDhcp(text: string, gone: RegExp, method: string): string {
  const kept = text.split('\n').filter(line => {
    const key = /^\s*(?:export\s+)?(\w+)=/.exec(line)?.[1]
    return key === undefined || (!gone.test(key) && key !== 'BOOTPROTO')
  })
  while (kept.at(-1)?.trim() === '') kept.pop()
  return [...kept, `BOOTPROTO=${method}`, ''].join('\n')
}

/** Static routes of the interface, which lie in files of their own. */
function dropRoutes(
  tree: GuestTree,
  { system, profiles }: { system: 'ifcfg-redhat' | 'ifcfg-suse'; profiles: readonly NicProfile[] },
  outcome: OutcomeDraft,
): void {
  const folder = IFCFG_FOLDERS[system]
  for (const { name } of profiles) {
    const prefixes = system === 'ifcfg-redhat' ? ['route-', 'route6-'] : ['ifroute-']
    for (const path of prefixes.map(prefix => `${folder}/${prefix}${name}`)) {
      if (known(() => tree.lstat(path)) === undefined) continue
      tree.remove(path)
      outcome.changes.push(`${path} is removed: its routes belong to the old address.`)
    }
  }
}
