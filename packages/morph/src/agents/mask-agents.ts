import type { InitSystem } from '../detect/init.ts'
import type { OutcomeDraft, Outcome } from '../references/outcome.ts'
import { newOutcome } from '../references/outcome.ts'
import { setAside } from '../references/set-aside.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import type { Platform } from './agent-table.ts'
import type { FoundAgent } from './find-agents.ts'
import { findAgents } from './find-agents.ts'
import { dropLeftovers } from './leftovers.ts'

export interface MaskRequest {
  readonly target: Platform
  readonly init: InitSystem
  /** See `findAgents`. */
  readonly rpmNames?: readonly string[]
}

export interface MaskOutcome extends Outcome {
  readonly agents: readonly FoundAgent[]
  /** Units and services that no longer start. */
  readonly masked: readonly string[]
}

const UNITS = '/etc/systemd/system'

/** Keeps the agents of the old platform from starting, without removing anything: no network is needed, and it can be taken back. */
export function maskAgents(tree: GuestTree, { target, init, rpmNames = [] }: MaskRequest): MaskOutcome {
  const outcome = newOutcome()
  const agents = findAgents(tree, target, rpmNames)
  const masked = agents.flatMap(agent => maskAgent(tree, agent, init, outcome))
  const idle = agents.filter(agent => agent.units.length + agent.services.length === 0)
  for (const agent of idle) {
    const message = `${agent.name}: ${agent.packages.join(', ')} installed, nothing of it starts by itself; left as it is`
    outcome.warnings.push({ path: '/', message, weight: 'harmless' })
  }
  dropLeftovers(tree, target, outcome)
  return { ...outcome, agents, masked: [...new Set(masked)].sort() }
}

function maskAgent(tree: GuestTree, agent: FoundAgent, init: InitSystem, outcome: OutcomeDraft): string[] {
  switch (init) {
    case 'systemd':
      // systemd makes a unit from each sysv script; a mask of that name covers it.
      return [...agent.units, ...agent.services.filter(name => hasScript(tree, name)).map(name => `${name}.service`)].filter(unit =>
        maskUnit(tree, unit, agent, outcome),
      )
    case 'sysvinit':
      return agent.services.filter(name => stopScript(tree, name, agent, outcome))
    case 'upstart':
      return agent.services.filter(name => [overrideJob(tree, name, agent, outcome), stopScript(tree, name, agent, outcome)].includes(true))
    case 'openrc':
      return agent.services.filter(name => leaveRunlevels(tree, name, agent, outcome))
    case 'runit':
    case 's6':
    case 'procd':
    case 'busybox':
    case 'unknown':
      outcome.warnings.push({
        path: '/',
        message: `${agent.name}: how to keep it from starting under ${init} is not known`,
        weight: 'degraded',
      })
      return []
  }
}

function hasScript(tree: GuestTree, name: string): boolean {
  return ['/etc/init.d', '/etc/rc.d/init.d'].some(folder => tree.exists(`${folder}/${name}`))
}

function maskUnit(tree: GuestTree, unit: string, agent: FoundAgent, outcome: OutcomeDraft): boolean {
  const path = `${UNITS}/${unit}`
  const present = tree.lstat(path)
  if (present?.kind === 'link' && present.target === '/dev/null') return false
  // A unit file there is the agent's own (tarballs, snaps), or the administrator's: a mask can only stand in its place.
  const aside = present === undefined ? '' : `; its unit file is now ${setAside(tree, path)}`
  tree.symlink('/dev/null', path)
  outcome.changes.push(`${unit} (${agent.name}) is masked${aside}`)
  return true
}

/** Turns start links into stop links, as `update-rc.d disable` and `chkconfig off` do: S20x becomes K80x. */
function stopScript(tree: GuestTree, name: string, agent: FoundAgent, outcome: OutcomeDraft): boolean {
  const links = ['/etc', '/etc/rc.d', '/etc/init.d'].flatMap(base =>
    ['2', '3', '4', '5', 'S'].flatMap(level => startLinks(tree, `${base}/rc${level}.d`, name)),
  )
  const unique = [...new Map(links.map(link => [`${tree.realpath(link.folder)}/${link.file}`, link])).values()]
  for (const { folder, file } of unique) {
    const stop = `${folder}/K${String(100 - Number(file.slice(1, 3)))
      .padStart(2, '0')
      .slice(-2)}${name}`
    const target = tree.lstat(`${folder}/${file}`)?.target
    if (target === undefined) continue
    tree.remove(`${folder}/${file}`)
    if (tree.lstat(stop) === undefined) tree.symlink(target, stop)
  }
  if (unique.length > 0) outcome.changes.push(`${name} (${agent.name}) is not started any more in ${unique.length} runlevels`)
  return unique.length > 0
}

function startLinks(tree: GuestTree, folder: string, name: string): { folder: string; file: string }[] {
  return tree
    .list(folder)
    .filter(file => /^S\d\d/.test(file) && file.slice(3) === name && tree.lstat(`${folder}/${file}`)?.kind === 'link')
    .map(file => ({ folder, file }))
}

function overrideJob(tree: GuestTree, name: string, agent: FoundAgent, outcome: OutcomeDraft): boolean {
  const path = `/etc/init/${name}.override`
  const before = tree.read(path) ?? ''
  if (!tree.exists(`/etc/init/${name}.conf`) || /^manual$/m.test(before)) return false
  tree.write(path, before === '' || before.endsWith('\n') ? `${before}manual\n` : `${before}\nmanual\n`)
  outcome.changes.push(`${name} (${agent.name}) is set to manual start`)
  return true
}

function leaveRunlevels(tree: GuestTree, name: string, agent: FoundAgent, outcome: OutcomeDraft): boolean {
  const links = tree
    .list('/etc/runlevels')
    .map(level => `/etc/runlevels/${level}/${name}`)
    .filter(path => tree.lstat(path)?.kind === 'link')
  for (const path of links) tree.remove(path)
  if (links.length > 0) outcome.changes.push(`${name} (${agent.name}) is taken out of ${links.map(path => path.split('/')[3]).join(', ')}`)
  return links.length > 0
}
