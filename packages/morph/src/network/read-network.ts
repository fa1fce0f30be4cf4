import type { GuestFacts } from '../detect/detect.ts'
import { findProgram, known } from '../detect/known.ts'
import { isAtLeast } from '../detect/version.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { usesKernelNames } from './kernel-names.ts'
import type { NetworkReading, NetworkSystem, NicProfile } from './model.ts'
import { readPins } from './name-pins.ts'
import { readIfcfg } from './read-ifcfg.ts'
import { readIfupdown } from './read-ifupdown.ts'
import { readNetplan } from './read-netplan.ts'
import { readNetworkd } from './read-networkd.ts'
import { isAccepted, readNetworkManager } from './read-networkmanager.ts'
import { startsAtBoot } from './services.ts'

/** All network configuration of a guest, and which of it counts: what starts at boot, not which folder exists. */
export function readNetwork(tree: GuestTree, facts: GuestFacts): NetworkReading {
  const netplan = readNetplan(tree)
  const found: [NetworkSystem, Omit<NicProfile, 'isActive'>[]][] = [
    ['netplan', netplan.profiles],
    ['networkmanager', readNetworkManager(tree)],
    ['networkd', readNetworkd(tree)],
    ['ifupdown', readIfupdown(tree)],
    ['ifcfg-redhat', readIfcfg(tree, 'ifcfg-redhat')],
    ['ifcfg-suse', readIfcfg(tree, 'ifcfg-suse')],
  ]
  const systems = withFallback(
    found.map(([system, profiles]) => ({ system, ...charge(tree, system, facts), hasProfiles: profiles.length > 0 })),
  )
  const inCharge = new Set(systems.filter(each => each.isInCharge).map(each => each.system))
  const ignored = found.flatMap(([system, profiles]) =>
    system === 'networkmanager' ? profiles.filter(({ file }) => !isAccepted(tree, file)) : [],
  )
  return {
    systems: systems.map(({ system, isInCharge, reason }) => ({ system, isInCharge, reason })),
    profiles: found.flatMap(([system, profiles]) =>
      profiles.map(profile => ({ ...profile, isActive: inCharge.has(system) && !ignored.includes(profile) })),
    ),
    pins: readPins(tree),
    usesKernelNames: usesKernelNames(tree, facts),
    warnings: [
      ...netplan.warnings,
      ...ignored.map(({ file }) => ({
        path: file,
        message: 'NetworkManager ignores it: others than root may read it, or it is not owned by root',
      })),
    ],
  }
}

interface Charge {
  readonly isInCharge: boolean
  readonly reason: string
}

function charge(tree: GuestTree, system: NetworkSystem, facts: GuestFacts): Charge {
  const starts = (...services: readonly string[]): Charge => {
    const service = services.find(name => startsAtBoot(tree, name))
    return service === undefined
      ? { isInCharge: false, reason: `${services[0]} does not start at boot` }
      : { isInCharge: true, reason: `${service} starts at boot` }
  }
  switch (system) {
    case 'netplan':
      return hasNetplan(tree)
        ? { isInCharge: true, reason: 'netplan is installed' }
        : { isInCharge: false, reason: 'netplan is not installed' }
    case 'networkmanager':
      return starts('NetworkManager')
    case 'networkd':
      return starts('systemd-networkd')
    case 'ifupdown':
      return starts('networking')
    case 'ifcfg-redhat': {
      // NetworkManager reads these files up to RHEL 9 (the plugin ifcfg-rh).
      const byManager = startsAtBoot(tree, 'NetworkManager') && !isWithoutIfcfg(facts)
      return byManager ? { isInCharge: true, reason: 'NetworkManager starts at boot and reads them' } : starts('network')
    }
    case 'ifcfg-suse':
      if (facts.distribution?.family !== 'suse') return { isInCharge: false, reason: 'the guest is no SUSE' }
      return starts('wicked', 'network', 'wickedd')
  }
}

function isWithoutIfcfg({ distribution }: GuestFacts): boolean {
  const limit = distribution?.id === 'fedora' ? 41 : 10
  return distribution?.family === 'redhat' && isAtLeast(distribution.versionParts, [limit])
}

function hasNetplan(tree: GuestTree): boolean {
  const generators = ['/lib/systemd/system-generators/netplan', '/usr/lib/systemd/system-generators/netplan', '/lib/netplan/generate']
  return findProgram(tree, 'netplan') !== undefined || generators.some(path => known(() => tree.lstat(path)) !== undefined)
}

/** Where nothing tells what starts (an image in the making, an odd init), the configuration that is there counts. */
function withFallback<T extends Charge & { system: NetworkSystem; hasProfiles: boolean }>(systems: readonly T[]): T[] {
  if (systems.some(each => each.isInCharge && each.hasProfiles)) return [...systems]
  return systems.map(each => (each.hasProfiles ? { ...each, isInCharge: true, reason: 'only its configuration is there' } : each))
}
