import { createHash } from 'node:crypto'
import { CAPABILITY_NAMES } from '@instar/contract/capabilities'
import type { Requirement, WorkerProvider } from '@instar/store'

/** What a worker brings. */
export interface Offer {
  /** The name of its host. */
  readonly host: string
  readonly providers: Readonly<Record<string, WorkerProvider>>
  /** Ids of its enabled regions. */
  readonly regions: readonly string[]
}

/** Whether one worker can do work that needs all of this. */
export function fits(requires: readonly Requirement[], offer: Offer): boolean {
  return requires.every(
    ({ platform, capability, regions, worker }) =>
      (worker === undefined || worker === offer.host) &&
      offer.providers[platform]?.types.includes(capability) === true &&
      (regions.length === 0 || regions.some(region => offer.regions.includes(region))),
  )
}

/** What work needs, for users: `disk-images (Source Minion Pools)`. */
export function describeNeeds(requires: readonly Requirement[]): string {
  const needs = requires.map(({ platform, capability, regions }) => {
    const where = regions.length > 0 ? `, regions ${regions.join(' or ')}` : ''
    return `${platform} (${capabilityName(capability)}${where})`
  })
  return needs.join(' and ')
}

export function capabilityName(capability: number): string {
  return CAPABILITY_NAMES[capability] ?? `capability ${capability}`
}

/** The requirements in one spelling, whatever their order and whatever else their objects hold. */
export function normalize(requires: readonly Requirement[]): Requirement[] {
  const byText = new Map(
    requires.map(({ platform, capability, regions, worker }) => {
      const requirement = { platform, capability, regions: [...new Set(regions)].sort(), ...(worker === undefined ? {} : { worker }) }
      return [JSON.stringify(requirement), requirement] as const
    }),
  )
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, requirement]) => requirement)
}

/** The queue for work with these (normal) requirements: the same work may go to the same workers. */
export function queueName(requires: readonly Requirement[]): string {
  return `steps.${createHash('sha256').update(JSON.stringify(requires)).digest('hex').slice(0, 24)}`
}
