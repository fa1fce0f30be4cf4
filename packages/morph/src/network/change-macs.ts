import { known } from '../detect/known.ts'
import type { OutcomeDraft } from '../references/outcome.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { macsIn, replaceMacs } from './mac.ts'

/** Where network configuration of any kind may hold the address of a card. Never what packages own. */
const NETWORK_FILES = [
  '/etc/netplan/*.yaml',
  '/etc/network/**',
  '/etc/NetworkManager/**',
  '/etc/sysconfig/network',
  '/etc/sysconfig/network/**',
  '/etc/sysconfig/network-scripts/*',
  '/etc/sysconfig/networking/**',
  '/etc/systemd/network/**',
  '/etc/udev/rules.d/*.rules',
  '/etc/cloud/**',
  '/etc/conf.d/net*',
  '/etc/config/network',
  '/etc/net/ifaces/**',
  '/etc/mactab',
  '/etc/iftab',
  '/etc/rc.d/rc.inet1.conf',
  '/var/lib/cloud/seed/**',
  '/var/lib/cloud/instances/*/network-config*',
] as const

/** Not worth a word: lists of vendors, histories, what is made anew. */
const NOT_REPORTED = /^\/etc\/(?:udev\/hwdb|ssl\/|pki\/|machine-id)/
const MAX_REPORTED = 10

/**
 * Puts the new addresses in place of the old ones, only those words, in all network configuration: a profile that insists on the old card
 * would leave the new one without an address, whatever its name. Where an old address stands elsewhere in /etc it is reported.
 */
export function changeMacs(tree: GuestTree, changes: ReadonlyMap<string, string>, outcome: OutcomeDraft): void {
  const real = new Map([...changes].filter(([from, to]) => from !== to))
  if (real.size === 0) return
  const files = new Set(NETWORK_FILES.flatMap(pattern => known(() => tree.glob(pattern)) ?? []))
  for (const path of files) {
    const text = known(() => tree.read(path))
    if (text === undefined) continue
    const changed = replaceMacs(text, real)
    if (changed === text) continue
    tree.write(path, changed)
    outcome.changes.push(`The old card's address in ${path} is replaced.`)
    if (/\.(?:link|rules)$/.test(path)) outcome.inInitramfs.push(path)
  }
  reportOthers(tree, { real, files }, outcome)
}

function reportOthers(
  tree: GuestTree,
  { real, files }: { real: ReadonlyMap<string, string>; files: ReadonlySet<string> },
  outcome: OutcomeDraft,
): void {
  const others = (known(() => tree.glob('/etc/**')) ?? []).filter(path => !files.has(path) && !NOT_REPORTED.test(path))
  const holding = others.filter(path => macsIn(known(() => tree.read(path)) ?? '').some(mac => real.has(mac)))
  for (const path of holding.slice(0, MAX_REPORTED)) {
    outcome.warnings.push({
      path,
      message: "it holds the address of an old card and is left as it is (a licence, a server's list?)",
      weight: 'degraded',
    })
  }
}
