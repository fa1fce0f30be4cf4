import { findProgram } from '../detect/known.ts'
import type { OutcomeDraft } from '../references/outcome.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import type { MatchedNic } from './match-nics.ts'
import type { NetworkReading, NicProfile } from './model.ts'
import { cardNames } from './model.ts'
import { startsAtBoot } from './services.ts'

/** What keeps a new card from having its name, or a name from having a card. */
export function warnOfNames(
  reading: NetworkReading,
  { nics, pinned, nameless }: { nics: readonly MatchedNic[]; pinned: ReadonlySet<string>; nameless: readonly MatchedNic[] },
  outcome: OutcomeDraft,
): void {
  const names = cardNames(reading)
  const free = names.filter(name => !nics.some(nic => nic.name === name))
  if (free.length > 0 && nameless.length > 0) {
    const cards = nameless.map(({ newMac }) => newMac).join(', ')
    outcome.warnings.push({
      path: fileOf(reading, free[0]!),
      message: `which of ${free.join(', ')} is which of the new cards ${cards} is not known: give the old addresses, --nic OLD=NEW for each`,
      weight: 'degraded',
    })
  } else {
    for (const name of free) {
      const message = `${name} has no card on the new machine; the boot may wait for it for up to two minutes`
      outcome.warnings.push({ path: fileOf(reading, name), message, weight: 'degraded' })
    }
  }
  const kernelNames = [...pinned].filter(name => /^eth\d+$/.test(name))
  if (kernelNames.length > 1) {
    // A card cannot be renamed to a name that another one still has, and udev does not try again.
    const message = `${kernelNames.join(', ')} are the kernel's own names: attach the cards in the old order, or they keep each other's`
    outcome.warnings.push({ path: fileOf(reading, kernelNames[0]!), message, weight: 'degraded' })
  }
  const loose = nics.filter(({ name }) => name !== undefined && !pinned.has(name))
  if (loose.length > 1) {
    const message = `the names ${loose.map(({ name }) => name).join(', ')} cannot be tied to cards here: attach the cards in the old order`
    outcome.warnings.push({ path: fileOf(reading, loose[0]!.name!), message, weight: 'degraded' })
  }
}

/** Profiles that insist on a card that is neither here nor replaced. */
export function warnOfOldCards(
  reading: NetworkReading,
  changes: ReadonlyMap<string, string>,
  present: ReadonlySet<string>,
  outcome: OutcomeDraft,
): void {
  for (const { isActive, mac, file, label } of reading.profiles) {
    if (!isActive || mac === undefined || changes.has(mac) || present.has(mac)) continue
    const message = `"${label}" is for the card ${mac}, which the new machine does not have: give --nic ${mac}=NEW`
    outcome.warnings.push({ path: file, message, weight: 'degraded' })
  }
}

/** Several cards, and nobody knows the new ones: names and addresses that may be lost. */
export function warnOfSeveral(
  reading: NetworkReading,
  { names, macs }: { names: readonly string[]; macs: ReadonlySet<string> },
  outcome: OutcomeDraft,
): void {
  for (const mac of macs) {
    const file = [...reading.profiles, ...reading.pins].find(each => each.mac === mac)!.file
    const message = `it is for the card ${mac}: unless the new machine keeps that address, give --nic ${mac}=NEW`
    outcome.warnings.push({ path: file, message, weight: 'degraded' })
  }
  const changing = names.filter(name => !(reading.usesKernelNames && /^eth\d+$/.test(name)))
  if (changing.length === 0) return
  const message = `the names ${changing.join(', ')} depend on where the cards sit and will change: give --nic OLD=NEW for each card`
  outcome.warnings.push({ path: fileOf(reading, changing[0]!), message, weight: 'degraded' })
}

const DHCP_CLIENTS = ['dhclient', 'dhcpcd', 'udhcpc', 'pump', 'busybox'] as const

/** ifupdown and Red Hat's scripts call a program of their own choice, which a small system may not have; all others bring their client. */
export function warnOfNoClient(tree: GuestTree, { systems }: NetworkReading, outcome: OutcomeDraft): void {
  const isManaged = startsAtBoot(tree, 'NetworkManager')
  const isCalling = systems.some(
    ({ system, isInCharge }) => isInCharge && (system === 'ifupdown' || (system === 'ifcfg-redhat' && !isManaged)),
  )
  if (!isCalling || DHCP_CLIENTS.some(name => findProgram(tree, name) !== undefined)) return
  outcome.warnings.push({
    path: '/usr/sbin',
    message: 'the guest has no DHCP client: install one, --install isc-dhcp-client',
    weight: 'degraded',
  })
}

/** Where an interface is configured. */
export function fileOf({ profiles }: NetworkReading, name: string): string {
  const isOf = (profile: NicProfile): boolean => profile.name === name || profile.builtOn.includes(name)
  return (profiles.find(profile => profile.isActive && isOf(profile)) ?? profiles.find(isOf))?.file ?? '/etc'
}
