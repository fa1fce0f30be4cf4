import type { GuestFacts } from '../detect/detect.ts'
import { known } from '../detect/known.ts'
import { startsAtBoot } from '../network/services.ts'
import type { OutcomeDraft } from '../references/outcome.ts'
import type { GuestTree } from '../tree/guest-tree.ts'

const SERVICES = ['chronyd', 'chrony', 'ntpd', 'ntp', 'ntpsec', 'systemd-timesyncd', 'openntpd', 'busybox-ntpd'] as const
const CHRONY_FILES = ['/etc/chrony.conf', '/etc/chrony/chrony.conf', '/etc/chrony.d/*.conf', '/etc/chrony/conf.d/*.conf'] as const
/** Clocks and servers that only the old platform has. A PHC device that is missing keeps chronyd from starting at all. */
const PLATFORM_CLOCK = /^\s*refclock\s+PHC\s+\/dev\/(?:ptp|ptp_hyperv)/
const PLATFORM_SERVER = /^\s*(?:server|pool|peer)\s+(?:169\.254\.169\.(?:123|254)|metadata\.google\.internal)\b/

/** Time came from the old platform's agent on many machines: makes sure that one service keeps it, and that chrony starts without the old clock. */
export function fitTimeService(tree: GuestTree, facts: GuestFacts, outcome: OutcomeDraft): void {
  dropPlatformClocks(tree, outcome)
  if (SERVICES.some(service => startsAtBoot(tree, service))) return
  const unit = '/lib/systemd/system/systemd-timesyncd.service'
  const isMasked = known(() => tree.lstat('/etc/systemd/system/systemd-timesyncd.service'))?.target === '/dev/null'
  if (facts.init === 'systemd' && !isMasked && known(() => tree.exists(unit)) === true) {
    const target = tree.realpath(unit) ?? unit
    tree.symlink(target, '/etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service')
    tree.symlink(target, '/etc/systemd/system/dbus-org.freedesktop.timesync1.service')
    outcome.changes.push('systemd-timesyncd starts at boot: no other service kept the time.')
    return
  }
  outcome.warnings.push({ path: '/etc', message: 'no time service starts at boot: the clock may drift', weight: 'harmless' })
}

function dropPlatformClocks(tree: GuestTree, outcome: OutcomeDraft): void {
  for (const path of CHRONY_FILES.flatMap(pattern => known(() => tree.glob(pattern)) ?? [])) {
    const text = known(() => tree.read(path))
    if (text === undefined) continue
    const isGone = (line: string): boolean => PLATFORM_CLOCK.test(line) || PLATFORM_SERVER.test(line)
    const changed = text.replaceAll(/^.*$/gm, line => (isGone(line) ? `# by Instar, of the old platform: ${line.trim()}` : line))
    if (changed === text) continue
    tree.write(path, changed)
    outcome.changes.push(`Clocks of the old platform are commented out in ${path}.`)
    if (!/^\s*(?:server|pool|peer|refclock|sourcedir)\b/m.test(changed)) {
      outcome.warnings.push({ path, message: 'no time source is left in it: add a server', weight: 'degraded' })
    }
  }
}
