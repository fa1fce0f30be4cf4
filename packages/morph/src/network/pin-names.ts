import type { GuestFacts } from '../detect/detect.ts'
import { known } from '../detect/known.ts'
import { isAtLeast } from '../detect/version.ts'
import type { OutcomeDraft } from '../references/outcome.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import type { NamePin } from './model.ts'
import { isInterfaceName } from './model.ts'
import { pinOfRule, ruleFiles } from './name-pins.ts'

const RULES = '/etc/udev/rules.d/70-persistent-net.rules'

/** How this guest can be told which card has which name. */
export type PinWay = 'link' | 'rule' | 'none'

/**
 * systemd's .link files where udev reads them: not in RHEL 7 and older (80-net-name-slot.rules there), nor where the persistent rules of old
 * are the system's own way (Debian 8, Ubuntu 14.04, SUSE up to 15). RHEL 9 and later overrule rules that set a name, so there only .link
 * will do. Without udev (Alpine's mdev) there is none.
 */
export function pinWay(tree: GuestTree, { init, distribution }: GuestFacts): PinWay {
  if (init !== 'systemd') return hasUdev(tree) ? 'rule' : 'none'
  if (distribution === undefined || distribution.versionParts.length === 0) return 'link'
  const limit = { redhat: [8], suse: [16], debian: distribution.id === 'ubuntu' ? [15, 10] : [9] }[distribution.family as string]
  const isOwnSystem = ['fedora', 'amzn'].includes(distribution.id)
  return limit === undefined || isOwnSystem || isAtLeast(distribution.versionParts, limit) ? 'link' : 'rule'
}

function hasUdev(tree: GuestTree): boolean {
  return ['/lib/udev/rules.d', '/usr/lib/udev/rules.d', '/etc/udev/rules.d'].some(path => known(() => tree.stat(path))?.kind === 'dir')
}

export interface PinOptions {
  readonly way: Exclude<PinWay, 'none'>
  /** Absent: any card, of which the machine must have one only. */
  readonly mac: string | undefined
  readonly name: string
  readonly pins: readonly NamePin[]
}

/** Gives the card its name. A .link file of the guest's own that does so already is enough. */
export function pinName(tree: GuestTree, { way, mac, name, pins }: PinOptions, outcome: OutcomeDraft): boolean {
  if (!isInterfaceName(name)) return false
  if (pins.some(pin => pin.mac === mac && pin.name === name && (way === 'rule' || pin.file.endsWith('.link')))) return true
  const path = way === 'link' ? `/etc/systemd/network/10-instar-${name}.link` : RULES
  if (way === 'link') tree.write(path, linkFile(name, mac))
  else tree.write(path, withLine(known(() => tree.read(path)) ?? '', ruleLine(name, mac)))
  outcome.changes.push(`${mac === undefined ? 'The only card' : `The card ${mac}`} keeps the name ${name} (${path}).`)
  outcome.inInitramfs.push(path)
  return true
}

/**
 * `Path=*` leaves out what is no hardware: bonds, bridges and VLANs have the address of their card, but no ID_PATH, which udev sets right
 * before it looks at these files (80-net-setup-link.rules). `Type=ether` would do so too, but matches cards only since systemd 243.
 */
function linkFile(name: string, mac: string | undefined): string {
  const match = mac === undefined ? 'Path=*' : `MACAddress=${mac}\nPath=*`
  return `# Written by Instar: the card keeps the name that it had on the old platform.\n[Match]\n${match}\n\n[Link]\nName=${name}\n`
}

/** `DRIVERS=="?*"` leaves out bonds, bridges and VLANs; udev compares addresses as text, in lower case. */
function ruleLine(name: string, mac: string | undefined): string {
  const address = mac === undefined ? '' : ` ATTR{address}=="${mac}",`
  return `SUBSYSTEM=="net", ACTION=="add", DRIVERS=="?*",${address} ATTR{type}=="1", NAME="${name}"`
}

/** With that line, in place of those that say something else of the card or the name. */
function withLine(text: string, line: string): string {
  const [mine] = pinOfRule(RULES, line)
  const kept = text
    .split('\n')
    .filter(each => each !== line && pinOfRule(RULES, each).every(pin => pin.mac !== mine?.mac && pin.name !== mine?.name))
  const body = kept.join('\n').trimEnd()
  return `${body}${body === '' ? '' : '\n'}${line}\n`
}

/**
 * Takes away rules for cards that are gone: they keep their names from the new ones, which become eth1 instead of eth0 (RHEL 6, SUSE,
 * Debian 8 and older).
 */
export function dropStaleRules(tree: GuestTree, isStale: (pin: NamePin) => boolean, outcome: OutcomeDraft): void {
  for (const path of ruleFiles(tree)) {
    const text = known(() => tree.read(path))
    if (text === undefined) continue
    const lines = text.split('\n')
    const kept = lines.filter(line => !pinOfRule(path, line).some(isStale))
    if (kept.length === lines.length) continue
    tree.write(path, kept.join('\n'))
    outcome.changes.push(`Rules for ${lines.length - kept.length} old card(s) are taken out of ${path}.`)
    outcome.inInitramfs.push(path)
  }
}
