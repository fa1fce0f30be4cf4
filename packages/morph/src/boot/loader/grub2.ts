import { isFile, namesIn, realPath, textOf } from '../guest-files.ts'
import type { GuestTree } from '../../tree/guest-tree.ts'
import { readBlsEntries } from './bls.ts'
import { type LoaderEntry, type LoaderReading, expandVariables, findBootFile } from './entries.ts'
import { type GrubMenuItem, type GrubScript, parseGrubScript } from './grub-script.ts'
import { parseGrubenv } from './grubenv.ts'

/** A menu with the entries of BLS put in their place. */
interface MenuNode {
  readonly title: string
  readonly id: string
  readonly below: readonly MenuNode[]
  readonly entry?: LoaderEntry
}

/** Every grub.cfg of the guest, the one that holds the menu first. On UEFI a menu in EFI/<id> wins over a left-over in /boot (RHEL 7, 8). */
export function findGrubConfigs(tree: GuestTree, firmware: 'bios' | 'uefi'): string[] {
  const inBoot = ['/boot/grub2/grub.cfg', '/boot/grub/grub.cfg'].filter(path => isFile(tree, path))
  const onEsp = ['/boot/efi', '/efi'].flatMap(esp => espConfigs(tree, esp))
  const all = firmware === 'uefi' ? [...onEsp, ...inBoot] : [...inBoot, ...onEsp]
  const once = all.filter((path, index) => all.findIndex(other => realPath(tree, other) === realPath(tree, path)) === index)
  return once.sort((left, right) => Number(hasMenu(tree, right)) - Number(hasMenu(tree, left)))
}

/** EFI/<id>/grub.cfg whatever the case of the names: FAT has none. */
function espConfigs(tree: GuestTree, esp: string): string[] {
  const efi = namesIn(tree, esp).filter(name => name.toLowerCase() === 'efi')
  const vendors = efi.flatMap(name => namesIn(tree, `${esp}/${name}`).map(vendor => `${esp}/${name}/${vendor}`))
  return vendors.flatMap(vendor =>
    namesIn(tree, vendor)
      .filter(name => name.toLowerCase() === 'grub.cfg')
      .map(name => `${vendor}/${name}`),
  )
}

function hasMenu(tree: GuestTree, path: string): boolean {
  return /^[ \t]*(menuentry|blscfg)\b/m.test(textOf(tree, path))
}

/** The GRUB 2 menu and its default, or `undefined` when the guest has no grub.cfg. */
export function readGrub2(tree: GuestTree, firmware: 'bios' | 'uefi'): LoaderReading | undefined {
  const configFiles = findGrubConfigs(tree, firmware)
  const [source] = configFiles
  if (source === undefined) return undefined
  const script = parseGrubScript(textOf(tree, source))
  const env = readGrubenv(tree, source)
  const variables = new Map([...script.variables, ...env])
  const bls = script.items.some(item => item.kind === 'bls') ? readBlsEntries(tree, '/boot/loader', variables) : []
  const menu = script.items.flatMap(item => toMenu(item, { tree, source, variables, bls }))
  const entries = flatten(menu)
  const wanted = defaultOf(script, env)
  const found = entryAt(menu, wanted.spec) ?? firstEntry(menu)
  return { kind: 'grub2', configFiles, entries, defaultFrom: wanted.from, ...(found === undefined ? {} : { default: found }) }
}

/** grubenv lies beside grub.cfg; on UEFI /boot/grub2/grubenv may be a link to the one on the ESP. */
export function readGrubenv(tree: GuestTree, config: string): Map<string, string> {
  const places = [config.replace(/[^/]*$/, 'grubenv'), '/boot/grub2/grubenv', '/boot/grub/grubenv']
  const place = places.find(path => isFile(tree, path))
  return place === undefined ? new Map() : parseGrubenv(textOf(tree, place))
}

interface MenuContext {
  readonly tree: GuestTree
  readonly source: string
  readonly variables: ReadonlyMap<string, string>
  readonly bls: readonly LoaderEntry[]
}

function toMenu(item: GrubMenuItem, context: MenuContext): MenuNode[] {
  if (item.kind === 'bls') return context.bls.map(entry => ({ title: entry.title, id: entry.id, below: [], entry }))
  const below = item.items.flatMap(inner => toMenu(inner, context))
  const node = { title: item.title, id: item.id ?? item.title, below }
  if (item.kind === 'submenu' || item.linux === undefined) return [node]
  const { tree, source, variables } = context
  const cmdline = expandVariables(item.linux.args.join(' '), variables)
  const initrds = item.initrds.map(path => findBootFile(tree, path))
  return [{ ...node, entry: { id: node.id, title: item.title, kernel: findBootFile(tree, item.linux.kernel), initrds, cmdline, source } }]
}

function flatten(menu: readonly MenuNode[]): LoaderEntry[] {
  return menu.flatMap(node => [...(node.entry === undefined ? [] : [node.entry]), ...flatten(node.below)])
}

/** A one-shot next_entry wins, when the script looks at it; then saved_entry or the literal value. */
function defaultOf(script: GrubScript, env: ReadonlyMap<string, string>): { spec: string; from: string } {
  const mentions = (name: string): boolean => script.defaults.some(value => new RegExp(`\\$\\{?${name}\\b`).test(value))
  const next = env.get('next_entry') ?? ''
  if (mentions('next_entry') && next !== '') return { spec: next, from: 'next_entry of grubenv' }
  const saved = env.get('saved_entry') ?? ''
  if (mentions('saved_entry') && saved !== '') return { spec: saved, from: 'saved_entry of grubenv' }
  const literal = script.defaults.findLast(value => value !== '' && !value.includes('$'))
  return literal === undefined ? { spec: '0', from: 'the first entry' } : { spec: literal, from: 'default of grub.cfg' }
}

/** Follows "submenu>entry" by number, id or title; ">>" is a ">" within a title. */
function entryAt(menu: readonly MenuNode[], spec: string): LoaderEntry | undefined {
  const steps = spec
    .replaceAll('>>', '\0')
    .split('>')
    .map(step => step.replaceAll('\0', '>').trim())
  let at: MenuNode | undefined
  for (const step of steps) {
    const level: readonly MenuNode[] = at === undefined ? menu : at.below
    at = /^\d+$/.test(step) ? level[Number(step)] : level.find(node => node.id === step || node.title === step)
    if (at === undefined) return undefined
  }
  return at === undefined ? undefined : (at.entry ?? firstEntry(at.below))
}

function firstEntry(menu: readonly MenuNode[]): LoaderEntry | undefined {
  return flatten(menu)[0]
}
