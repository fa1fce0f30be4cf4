/** The program that sets up interfaces at boot, told by the form of its configuration. */
export type NetworkSystem = 'netplan' | 'networkmanager' | 'networkd' | 'ifupdown' | 'ifcfg-redhat' | 'ifcfg-suse'

/** What one piece of configuration says of one interface. Several may speak of the same one. */
export interface NicProfile {
  readonly system: NetworkSystem
  readonly file: string
  readonly kind: 'ethernet' | 'bond' | 'vlan' | 'bridge' | 'other'
  /** The interface's name, where the configuration says it; a profile without one is for any card, or for that of `mac`. */
  readonly name?: string
  /** The key, id or name by which the configuration itself calls it. */
  readonly label: string
  /** The hardware that the profile insists on, lower case with colons. */
  readonly mac?: string
  /** With prefix lengths where they are given: "10.0.0.5/24". */
  readonly addresses: readonly string[]
  readonly gateways: readonly string[]
  readonly dns: readonly string[]
  readonly dhcp: boolean
  /** Interfaces that this one is built on: ports of a bond or bridge, the parent of a VLAN. */
  readonly builtOn: readonly string[]
  /** False: its system does not start at boot, or ignores the file. */
  readonly isActive: boolean
}

/** A rule that gives a card its name. */
export interface NamePin {
  readonly file: string
  readonly mac: string
  readonly name: string
}

/** The network configuration of a guest. */
export interface NetworkReading {
  readonly systems: readonly { readonly system: NetworkSystem; readonly isInCharge: boolean; readonly reason: string }[]
  readonly profiles: readonly NicProfile[]
  readonly pins: readonly NamePin[]
  /** Cards keep the kernel's names (eth0, eth1, in the order in which they are found). */
  readonly usesKernelNames: boolean
  /** Files that could not be understood, in sentences. */
  readonly warnings: readonly { readonly path: string; readonly message: string }[]
}

/** A name that a card can have, and that is safe in a path and a rule: guests write names too. */
export function isInterfaceName(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,14}$/.test(name)
}

/** The names of real cards that active configuration needs: those of Ethernet profiles, and what bonds, bridges and VLANs stand on. */
export function cardNames({ profiles }: Pick<NetworkReading, 'profiles'>): string[] {
  const active = profiles.filter(profile => profile.isActive)
  const virtual = new Set(active.filter(profile => profile.kind !== 'ethernet').map(profile => profile.name))
  const names = active.flatMap(profile => [
    ...(profile.kind === 'ethernet' && profile.name !== undefined ? [profile.name] : []),
    ...profile.builtOn,
  ])
  return [...new Set(names)].filter(name => isInterfaceName(name) && !virtual.has(name)).sort()
}
