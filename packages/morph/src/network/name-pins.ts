import { known } from '../detect/known.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { iniValue, parseIni } from './ini.ts'
import { parseMac } from './mac.ts'
import type { NamePin } from './model.ts'
import { networkdFiles } from './read-networkd.ts'

/** Names that .link files and udev rules give to cards by their address. */
export function readPins(tree: GuestTree): NamePin[] {
  const links = networkdFiles(tree, '.link').flatMap(file => {
    const lines = parseIni(known(() => tree.read(file)) ?? '')
    const name = iniValue(lines, 'Link', 'Name')
    const macs = (iniValue(lines, 'Match', 'PermanentMACAddress') ?? iniValue(lines, 'Match', 'MACAddress') ?? '').split(/\s+/)
    return macs.flatMap(text => pin(file, text, name))
  })
  const rules = ruleFiles(tree).flatMap(file => (known(() => tree.read(file)) ?? '').split('\n').flatMap(line => pinOfRule(file, line)))
  return [...links, ...rules]
}

/** The guest's own rule files; those of packages name no card. */
export function ruleFiles(tree: GuestTree): string[] {
  return known(() => tree.glob('/etc/udev/rules.d/*.rules')) ?? []
}

/** A line of 70-persistent-net.rules. */
export function pinOfRule(file: string, line: string): NamePin[] {
  if (line.trimStart().startsWith('#') || !/SUBSYSTEMS?=="net"/.test(line)) return []
  const mac = /ATTRS?\{address\}=="([^"]*)"/.exec(line)?.[1] ?? /SYSFS\{address\}=="([^"]*)"/.exec(line)?.[1]
  return pin(file, mac, /(?:^|[\s,])NAME:?="([^"]*)"/.exec(line)?.[1])
}

function pin(file: string, macText: string | undefined, name: string | undefined): NamePin[] {
  const mac = parseMac(macText)
  return mac === undefined || name === undefined ? [] : [{ file, mac, name }]
}
