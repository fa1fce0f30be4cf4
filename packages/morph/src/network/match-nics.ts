import type { NetworkReading, NicProfile } from './model.ts'
import { cardNames } from './model.ts'

/** A card of the new machine, and what is known of the one it stands for. Addresses lower case with colons. */
export interface NicMapping {
  readonly newMac: string
  readonly oldMac?: string
  /** The interface's name on the old machine, where the guest's files do not tell it. */
  readonly oldName?: string
}

/** A card of the new machine and what the guest's configuration calls it. */
export interface MatchedNic {
  readonly newMac: string
  readonly oldMac?: string
  readonly name?: string
}

/**
 * Finds for each new card the name that the guest's configuration has for it: by the old address in profiles and naming rules, by the name
 * that the caller knows, and for the last one by elimination. Never by guessing among several.
 */
export function matchNics(reading: NetworkReading, nics: readonly NicMapping[]): MatchedNic[] {
  const names = cardNames(reading)
  const matched = nics.map(nic => {
    const name = nic.oldName ?? (nic.oldMac === undefined ? undefined : nameOfMac(reading, nic.oldMac))
    return { newMac: nic.newMac, ...given('oldMac', nic.oldMac), ...given('name', name) }
  })
  const free = names.filter(name => !matched.some(nic => nic.name === name))
  const nameless = matched.filter(nic => nic.name === undefined)
  const isLast = free.length === 1 && nameless.length === 1
  return matched.map(nic => {
    const name = nic.name ?? (isLast ? free[0] : undefined)
    return { ...nic, ...given('name', name), ...given('oldMac', nic.oldMac ?? macOfName(reading, { name, isOnly: nics.length === 1 })) }
  })
}

function nameOfMac({ profiles, pins }: NetworkReading, mac: string): string | undefined {
  const insisting = profiles.filter(profile => profile.mac === mac && profile.kind === 'ethernet').toSorted(activeFirst)
  return insisting.find(profile => profile.name !== undefined)?.name ?? pins.find(pin => pin.mac === mac)?.name
}

/** The address that configuration insists on for a card whose old address nobody gave. */
function macOfName(
  { profiles, pins }: NetworkReading,
  { name, isOnly }: { name: string | undefined; isOnly: boolean },
): string | undefined {
  const insisting = profiles.filter(profile => profile.isActive && profile.mac !== undefined)
  const mine =
    insisting.find(profile => profile.name !== undefined && profile.name === name)?.mac ?? pins.find(pin => pin.name === name)?.mac
  const all = new Set(insisting.map(profile => profile.mac))
  return mine ?? (isOnly && all.size === 1 ? [...all][0] : undefined)
}

function activeFirst(a: NicProfile, b: NicProfile): number {
  return Number(b.isActive) - Number(a.isActive)
}

function given<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: string })
}
