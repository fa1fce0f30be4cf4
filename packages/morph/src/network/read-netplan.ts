import { known } from '../detect/known.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { parseMac } from './mac.ts'
import type { NicProfile } from './model.ts'
import type { Yaml, YamlMap } from './yaml.ts'
import { parseYaml, YamlProblem } from './yaml.ts'

type Warning = { path: string; message: string }
const KINDS = [
  ['ethernets', 'ethernet'],
  ['bonds', 'bond'],
  ['bridges', 'bridge'],
  ['vlans', 'vlan'],
] as const

/** The files that netplan reads, in its order: by name across the folders; one in /etc hides its namesake in /usr/lib. */
export function netplanFiles(tree: GuestTree): string[] {
  const byName = new Map<string, string>()
  for (const folder of ['/usr/lib/netplan', '/lib/netplan', '/etc/netplan']) {
    for (const path of known(() => tree.glob(`${folder}/*.yaml`)) ?? []) byName.set(path.slice(path.lastIndexOf('/') + 1), path)
  }
  return [...byName.keys()].sort().map(name => byName.get(name)!)
}

/** One profile for each definition, of all files together: later files add to it. */
export function readNetplan(tree: GuestTree): { profiles: Omit<NicProfile, 'isActive'>[]; warnings: Warning[]; renderer: string } {
  const warnings: Warning[] = []
  const merged: YamlMap = new Map()
  const lastFile = new Map<string, string>()
  for (const path of netplanFiles(tree)) {
    const network = networkOf(tree, path, warnings)
    if (network === undefined) continue
    for (const [section] of KINDS) for (const id of mapOf(network.get(section)).keys()) lastFile.set(`${section} ${id}`, path)
    merge(merged, network)
  }
  const cards = mapOf(merged.get('ethernets'))
  const profiles = KINDS.flatMap(([section, kind]) =>
    [...mapOf(merged.get(section))].map(([id, definition]) => ({
      ...profileOf(id, mapOf(definition), { kind, cards }),
      file: lastFile.get(`${section} ${id}`)!,
    })),
  )
  return { profiles, warnings, renderer: textOf(merged.get('renderer')) ?? 'networkd' }
}

export function networkOf(tree: GuestTree, path: string, warnings: Warning[]): YamlMap | undefined {
  const text = known(() => tree.read(path))
  if (text === undefined) return undefined
  try {
    return mapOf(mapOf(parseYaml(text)).get('network'))
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error
    warnings.push({ path, message: `it was not understood and is left as it is: ${error.message}` })
    return undefined
  }
}

function profileOf(
  id: string,
  definition: YamlMap,
  { kind, cards }: { kind: NicProfile['kind']; cards: YamlMap },
): Omit<NicProfile, 'isActive' | 'file'> {
  const match = definition.get('match')
  const mac = parseMac(textOf(mapOf(match).get('macaddress')))
  const name = kind === 'ethernet' ? cardName(id, definition) : id
  const below = [...listOf(definition.get('interfaces')), definition.get('link') ?? null].flatMap(each => textOf(each) ?? [])
  return {
    system: 'netplan',
    kind,
    label: id,
    ...(name === undefined ? {} : { name }),
    ...(mac === undefined ? {} : { mac }),
    addresses: addressesOf(definition),
    gateways: gatewaysOf(definition),
    dns: listOf(mapOf(definition.get('nameservers')).get('addresses')).flatMap(each => textOf(each) ?? []),
    dhcp: isTrue(definition.get('dhcp4')) || isTrue(definition.get('dhcp6')),
    builtOn: below.flatMap(other => (cards.has(other) ? (cardName(other, mapOf(cards.get(other) ?? null)) ?? []) : other)),
  }
}

/** The name a card has: `set-name`, or what `match` or the id say when they name one card. */
function cardName(id: string, definition: YamlMap): string | undefined {
  const setName = textOf(definition.get('set-name'))
  if (setName !== undefined) return setName
  const match = definition.get('match')
  if (!(match instanceof Map)) return id
  const name = textOf(match.get('name'))
  return name !== undefined && !/[*?[]/.test(name) ? name : undefined
}

function addressesOf(definition: YamlMap): string[] {
  return listOf(definition.get('addresses')).flatMap(each => (each instanceof Map ? [...each.keys()] : (textOf(each) ?? [])))
}

function gatewaysOf(definition: YamlMap): string[] {
  const routes = listOf(definition.get('routes')).map(mapOf)
  const defaults = routes.filter(route => ['default', '0.0.0.0/0', '::/0', '0/0'].includes(textOf(route.get('to')) ?? ''))
  return [definition.get('gateway4'), definition.get('gateway6'), ...defaults.map(route => route.get('via'))].flatMap(
    each => textOf(each) ?? [],
  )
}

/** Mappings go into each other, lists are joined, all else is replaced: netplan's own rule. Files are few and flat, so is this. */
function merge(into: YamlMap, from: YamlMap): void {
  for (const [key, value] of from) {
    const before = into.get(key)
    if (before instanceof Map && value instanceof Map) merge(before, value)
    else if (Array.isArray(before) && Array.isArray(value)) into.set(key, [...before, ...value])
    else into.set(key, value)
  }
}

export function mapOf(value: Yaml | undefined): YamlMap {
  return value instanceof Map ? value : new Map()
}

export function listOf(value: Yaml | undefined): Yaml[] {
  return Array.isArray(value) ? value : []
}

function textOf(value: Yaml | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

export function isTrue(value: Yaml | undefined): boolean {
  return typeof value === 'string' && /^(?:true|yes|on|y|1)$/i.test(value)
}
