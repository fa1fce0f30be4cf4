import type { GuestFacts } from '../detect/detect.ts'
import type { Outcome, OutcomeDraft } from '../references/outcome.ts'
import { newOutcome } from '../references/outcome.ts'
import type { GuestTree } from '../tree/guest-tree.ts'
import { changeMacs } from './change-macs.ts'
import { addDhcp } from './dhcp-default.ts'
import { setDhcp } from './dhcp.ts'
import { loosen } from './loosen.ts'
import type { MatchedNic, NicMapping } from './match-nics.ts'
import { matchNics } from './match-nics.ts'
import type { NetworkReading } from './model.ts'
import { cardNames } from './model.ts'
import { dropStaleRules, pinName, pinWay } from './pin-names.ts'
import { readNetwork } from './read-network.ts'
import { fileOf, warnOfNames, warnOfNoClient, warnOfOldCards, warnOfSeveral } from './warn.ts'

export interface NetworkRequest {
  readonly facts: GuestFacts
  /** Keep the addresses that are configured, or have all of them by DHCP. */
  readonly policy: 'keep' | 'dhcp'
  /** The cards of the new machine; empty when nobody knows them. */
  readonly nics: readonly NicMapping[]
}

/** An interface after the move. */
export interface NicFit {
  readonly name?: string
  readonly newMac?: string
  readonly addresses: readonly string[]
  readonly dhcp: boolean
  /** The new card surely gets this name. */
  readonly isPinned: boolean
}

export interface NetworkOutcome extends Outcome {
  readonly nics: readonly NicFit[]
}

/**
 * Makes the guest's network work with new cards: names stay what they were, profiles follow from the old card to the new one, addresses stay
 * (or come by DHCP). Everything else stays byte for byte.
 */
export function fitNetwork(tree: GuestTree, request: NetworkRequest): NetworkOutcome {
  const outcome = newOutcome()
  const reading = readNetwork(tree, request.facts)
  for (const { path, message } of reading.warnings) outcome.warnings.push({ path, message, weight: 'degraded' })
  const nics = matchNics(reading, request.nics)
  const pinned =
    nics.length > 0 ? followCards(tree, { request, reading, nics }, outcome) : withoutCards(tree, { request, reading }, outcome)
  if (request.policy === 'dhcp') toDhcp(tree, { request, reading, nics }, outcome)
  return { ...outcome, nics: describe(readNetwork(tree, request.facts), nics, pinned) }
}

/** The new cards are known: old addresses become new ones, names are tied to them, rules for cards that are gone go. */
function followCards(
  tree: GuestTree,
  { request, reading, nics }: { request: NetworkRequest; reading: NetworkReading; nics: readonly MatchedNic[] },
  outcome: OutcomeDraft,
): Set<string> {
  const changes = new Map(nics.flatMap(({ oldMac, newMac }) => (oldMac === undefined ? [] : [[oldMac, newMac] as const])))
  changeMacs(tree, changes, outcome)
  const present = new Set(nics.map(nic => nic.newMac))
  dropStaleRules(tree, pin => !present.has(pin.mac), outcome)
  const { pins } = readNetwork(tree, request.facts)
  const way = pinWay(tree, request.facts)
  const pinned = new Set<string>()
  for (const { name, newMac } of nics) {
    if (name === undefined || way === 'none') continue
    if (pinName(tree, { way, mac: newMac, name, pins }, outcome)) pinned.add(name)
  }
  warnOfNames(reading, { nics, pinned, nameless: nics.filter(nic => nic.name === undefined) }, outcome)
  warnOfOldCards(reading, changes, present, outcome)
  return pinned
}

/**
 * Nobody knows the new cards. With one card its name can be given to whatever card there is, and profiles be loosened from the old
 * address; that is right whether the address changes or not. With several nothing is safe, and the flag to give is said.
 */
function withoutCards(
  tree: GuestTree,
  { request, reading }: { request: NetworkRequest; reading: NetworkReading },
  outcome: OutcomeDraft,
): Set<string> {
  const names = cardNames(reading)
  const insisting = reading.profiles.filter(profile => profile.isActive && profile.mac !== undefined)
  const macs = new Set([...insisting.map(profile => profile.mac!), ...reading.pins.map(pin => pin.mac)])
  if (names.length > 1 || macs.size > 1) {
    warnOfSeveral(reading, { names, macs }, outcome)
    return new Set()
  }
  const [name] = names
  for (const profile of insisting) {
    const isLoose = loosen(tree, name === undefined ? profile : { ...profile, name }, outcome)
    if (isLoose) continue
    const message = `"${profile.label}" is for the card ${profile.mac}: unless the new machine keeps that address, give --nic ${profile.mac}=NEW`
    outcome.warnings.push({ path: profile.file, message, weight: 'degraded' })
  }
  dropStaleRules(tree, () => true, outcome)
  const way = pinWay(tree, request.facts)
  if (name === undefined) return new Set()
  // The kernel calls an only card eth0 by itself.
  if (name === 'eth0' && reading.usesKernelNames) return new Set([name])
  const isPinned = way !== 'none' && pinName(tree, { way, mac: undefined, name, pins: reading.pins }, outcome)
  if (!isPinned) {
    const message = `the name ${name} may change on the new machine: give the card's address, --nic OLD=NEW`
    outcome.warnings.push({ path: fileOf(reading, name), message, weight: 'degraded' })
  }
  return new Set(isPinned ? [name] : [])
}

function toDhcp(
  tree: GuestTree,
  { request, reading, nics }: { request: NetworkRequest; reading: NetworkReading; nics: readonly MatchedNic[] },
  outcome: OutcomeDraft,
): void {
  warnOfNoClient(tree, reading, outcome)
  const active = reading.profiles.filter(profile => profile.isActive)
  if (active.length > 0) return setDhcp(tree, reading.profiles, outcome)
  const name = addDhcp(tree, reading, outcome)
  const way = pinWay(tree, request.facts)
  if (name !== undefined && way !== 'none') pinName(tree, { way, mac: nics[0]?.newMac, name, pins: [] }, outcome)
}

/** Every interface that has a name or addresses, as it will be. */
function describe({ profiles }: NetworkReading, nics: readonly MatchedNic[], pinned: ReadonlySet<string>): NicFit[] {
  const active = profiles.filter(profile => profile.isActive)
  const names = new Set([...active.map(profile => profile.name), ...nics.map(nic => nic.name)])
  return [...names].map(name => {
    const mine = active.filter(profile => profile.name === name)
    const newMac = nics.find(nic => nic.name === name)?.newMac
    return {
      ...(name === undefined ? {} : { name }),
      ...(newMac === undefined ? {} : { newMac }),
      addresses: [...new Set(mine.flatMap(profile => profile.addresses))],
      dhcp: mine.some(profile => profile.dhcp),
      isPinned: name !== undefined && pinned.has(name),
    }
  })
}
