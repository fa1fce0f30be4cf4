import { InstarError } from '@instar/contract/errors'
import { closest } from '@instar/contract/closest'
import type { Api } from './api.ts'

export interface Named {
  readonly id: string
  readonly name?: string | null
}

/** As Python's uuid.UUID() reads it, which is what Coriolis' client takes for an id. */
const UUID = /^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{32})$/i
/** Fewer characters of an id would be found by chance. */
const MIN_PREFIX = 4

/** The id of an endpoint, named by it, by the beginning of it, or by its name. */
export async function endpointId(api: Api, wanted: string): Promise<string> {
  return findId(wanted, 'endpoint', async () => (await api.get<{ endpoints: Named[] }>('endpoints')).endpoints)
}

export function isId(text: string): boolean {
  return UUID.test(text)
}

/** The id of what `wanted` names: an id as it is; else the one with this name, else the one whose id begins so. */
export async function findId(wanted: string, kind: string, list: () => Promise<readonly Named[]>): Promise<string> {
  if (isId(wanted)) return wanted
  const all = await list()
  const named = all.filter(({ name }) => name === wanted)
  const begun = wanted.length < MIN_PREFIX ? [] : all.filter(({ id }) => id.startsWith(wanted.toLowerCase()))
  // One thing may have two names.
  const found = [...new Set((named.length > 0 ? named : begun).map(({ id }) => id))]
  if (found.length === 1) return found[0]!
  if (found.length > 1) {
    throw new InstarError('service.ambiguous', `"${wanted}" names ${found.length} of kind ${kind}`, {
      hint: `Use an id: ${found.join(', ')}.`,
    })
  }
  const names = all.flatMap(({ name }) => (typeof name === 'string' && name !== '' ? [name] : []))
  const guess = closest(wanted, names)
  throw new InstarError('api.not-found', `there is no ${kind} "${wanted}"${guess === undefined ? '' : `; did you mean "${guess}"?`}`, {
    hint: HINTS[kind]?.(names) ?? `See instar ${kind} list.`,
  })
}

/** Where to look for what is not listed by a command of its own kind. */
const HINTS: Readonly<Record<string, (names: readonly string[]) => string>> = {
  'execution or deployment': () =>
    'See instar deployment list and instar transfer execution list TRANSFER; for what ran on this machine instar run list.',
  role: names => `The roles are: ${names.join(', ')}.`,
}

/** The id of a transfer, named by it, by the beginning of it, or by its notes. */
export async function transferId(api: Api, wanted: string): Promise<string> {
  return findId(wanted, 'transfer', async () => {
    const { transfers } = await api.get<{ transfers: { id: string; notes: string | null }[] }>('transfers')
    return transfers.map(({ id, notes }) => ({ id, name: notes }))
  })
}

/** The id of an execution of a transfer, named by it, by the beginning of it, by its number, or as "last". */
export async function executionId(api: Api, transfer: string, wanted: string): Promise<string> {
  return findId(wanted, 'transfer execution', async () => {
    const query = { sort_key: 'number', sort_dir: 'desc' }
    const { executions } = await api.get<{ executions: { id: string; number: number }[] }>(`transfers/${transfer}/executions`, query)
    const last = executions[0]
    return [
      ...executions.map(({ id, number }) => ({ id, name: String(number) })),
      ...(last === undefined ? [] : [{ id: last.id, name: 'last' }]),
    ]
  })
}

/** The id of a timetable of a transfer, named by it or by the beginning of it. */
export async function scheduleId(api: Api, transfer: string, wanted: string): Promise<string> {
  return findId(
    wanted,
    'transfer schedule',
    async () => (await api.get<{ schedules: Named[] }>(`transfers/${transfer}/schedules`)).schedules,
  )
}

/** The id of a deployment, named by it, by the beginning of it, or by its notes. */
export async function deploymentId(api: Api, wanted: string): Promise<string> {
  return findId(wanted, 'deployment', async () => {
    const { deployments } = await api.get<{ deployments: { id: string; notes: string | null }[] }>('deployments')
    return deployments.map(({ id, notes }) => ({ id, name: notes }))
  })
}

/**
 * The id of what runs scripts: of an execution or deployment, named by it, by the beginning of it, or by notes. Those are a deployment's own; where
 * no deployment has them, they name the last execution of the transfer that does.
 */
export async function runnerId(api: Api, wanted: string): Promise<string> {
  return findId(wanted, 'execution or deployment', async () => {
    const { deployments } = await api.get<{ deployments: { id: string; notes: string | null }[] }>('deployments')
    const named = deployments.map(({ id, notes }) => ({ id, name: notes }))
    return named.some(({ name }) => name === wanted) ? named : [...named, ...(await executionsOf(api, wanted))]
  })
}

/** The executions that may be meant. There is no list of those of all transfers: each is asked for its own only where the text may begin an id. */
async function executionsOf(api: Api, wanted: string): Promise<readonly Named[]> {
  const { transfers } = await api.get<{ transfers: { id: string; notes: string | null }[] }>('transfers')
  const asked = /^[\da-f-]+$/i.test(wanted) ? transfers : transfers.filter(({ notes }) => notes === wanted)
  const found: Named[] = []
  for (const { id: transfer, notes } of asked) {
    const query = { sort_key: 'number', sort_dir: 'desc' }
    const { executions } = await api.get<{ executions: Named[] }>(`transfers/${transfer}/executions`, query)
    found.push(...executions.map(({ id }, index) => ({ id, name: index === 0 ? notes : null })))
  }
  return found
}

/** The id of a minion pool, named by it, by the beginning of it, or by its name. */
export async function poolId(api: Api, wanted: string): Promise<string> {
  return poolFinder(api)(wanted)
}

/** As `poolId`, for many: they are listed once. */
export function poolFinder(api: Api): (wanted: string) => Promise<string> {
  let listed: Promise<{ minion_pools: Named[] }> | undefined
  return wanted => findId(wanted, 'minion pool', async () => (await (listed ??= api.get('minion_pools'))).minion_pools)
}

/** The id of a region, named by it, by the beginning of it, or by its name. */
export async function regionId(api: Api, wanted: string): Promise<string> {
  return findId(wanted, 'region', async () => (await api.get<{ regions: Named[] }>('regions')).regions)
}

/** The ids of the regions that a repeatable option names, of which "" is none; undefined when it was not given. */
export async function regionIds(api: Api, wanted: readonly string[] | undefined): Promise<readonly string[] | undefined> {
  return wanted === undefined ? undefined : Promise.all(wanted.filter(one => one !== '').map(one => regionId(api, one)))
}
