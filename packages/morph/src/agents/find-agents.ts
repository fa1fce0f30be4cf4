import type { GuestTree } from '../tree/guest-tree.ts'
import type { AgentEntry, Platform } from './agent-table.ts'
import { AGENTS } from './agent-table.ts'
import { installedPackages } from './installed-packages.ts'

/** An agent that is in the guest, with what of it starts by itself. */
export interface FoundAgent {
  readonly name: string
  readonly platforms: readonly Platform[]
  /** Names as the guest's package manager has them. */
  readonly packages: readonly string[]
  /** Unit names, each once, wherever their files lie. */
  readonly units: readonly string[]
  readonly services: readonly string[]
}

/** systemd's folders of unit files, the strongest first (systemd.unit(5)). */
export const UNIT_FOLDERS = ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'] as const
const SERVICE_FOLDERS = ['/etc/init.d', '/etc/rc.d/init.d', '/etc/init']

/**
 * The agents of platforms other than `target`, by package, unit and service script. `rpmNames` are the names of installed rpm packages:
 * their database cannot be read as text.
 */
export function findAgents(tree: GuestTree, target: Platform, rpmNames: readonly string[] = []): FoundAgent[] {
  const packages = [...installedPackages(tree), ...rpmNames]
  const units = namesIn(tree, UNIT_FOLDERS, isUnit)
  const services = namesIn(tree, SERVICE_FOLDERS, () => true).map(name => name.replace(/\.conf$/, ''))
  return AGENTS.filter(agent => !agent.platforms.includes(target))
    .map(agent => found(agent, { packages, units, services }))
    .filter(agent => agent.packages.length + agent.units.length + agent.services.length > 0)
}

function found(agent: AgentEntry, guest: { packages: string[]; units: string[]; services: string[] }): FoundAgent {
  const those = (names: readonly string[], patterns: readonly string[]) =>
    [...new Set(names)].filter(name => patterns.some(pattern => fits(name, pattern))).sort()
  return {
    name: agent.name,
    platforms: agent.platforms,
    packages: those(guest.packages, agent.packages),
    units: those(guest.units, agent.units),
    services: those(guest.services, agent.services),
  }
}

function namesIn(tree: GuestTree, folders: readonly string[], accepts: (tree: GuestTree, path: string) => boolean): string[] {
  return folders.flatMap(folder => tree.list(folder).filter(name => accepts(tree, `${folder}/${name}`)))
}

/** A link to a file of another name is an alias: it follows its unit. A masked unit is one already dealt with. */
function isUnit(tree: GuestTree, path: string): boolean {
  const entry = tree.lstat(path)
  if (entry?.kind !== 'link') return entry?.kind === 'file'
  return entry.target?.slice(entry.target.lastIndexOf('/') + 1) === path.slice(path.lastIndexOf('/') + 1)
}

function fits(name: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return name === pattern
  const last = rest[rest.length - 1]!
  return name.length >= first.length + last.length && name.startsWith(first) && name.endsWith(last)
}
