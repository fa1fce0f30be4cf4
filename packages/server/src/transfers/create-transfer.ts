import { isDeepStrictEqual } from 'node:util'
import { InstarError } from '@instar/contract'
import { normaliseUserScripts, type TransferCreate } from '@instar/contract/api'
import { sealSettings, type MoveSettings } from '@instar/engine'
import type { WorkerProvider } from '@instar/store'
import type { ApiDeps, Db, Trx } from '../api-deps.ts'
import { findEndpoint, openConnection, type EndpointRow } from '../endpoints/endpoint.ts'
import { checkEnvironment } from '../places/environment-schema.ts'
import { loadPlatforms } from '../places/workers.ts'
import { checkPools } from '../pools/pool-choice.ts'

export interface Asker {
  readonly projectId: string
  readonly userId: string
}

/** Stores a transfer; nothing starts. Answers its id. Throws `api.bad-request`, `api.unknown-reference`, `api.not-found` for a pool. */
export async function createTransfer(deps: ApiDeps, trx: Trx, asker: Asker, given: TransferCreate): Promise<string> {
  requireUnique(given.instances)
  const ends = await requireEnds(deps, trx, asker.projectId, given)
  const settings = readSettings(given)
  checkEnvironments(settings, ends, await loadPlatformsOrNone(deps, trx))
  const choice = {
    instances: given.instances,
    originEndpointId: ends.origin.id,
    destinationEndpointId: ends.destination.id,
    originPoolId: given.origin_minion_pool_id ?? null,
    destinationPoolId: given.destination_minion_pool_id ?? null,
    osmorphingPools: withoutNulls(given.instance_osmorphing_minion_pool_mappings ?? {}),
  }
  await checkPools(trx, asker.projectId, choice)
  const id = deps.newId()
  await insertAction(deps, trx, { id, kind: 'transfer', instances: given.instances, asker })
  const values = {
    id,
    project_id: asker.projectId,
    scenario: given.scenario || 'replica',
    origin_endpoint_id: ends.origin.id,
    destination_endpoint_id: ends.destination.id,
    settings: sealSettings(deps.store.vault, { table: 'transfers', id }, settings),
    network_map: JSON.stringify(given.network_map ?? {}),
    storage_mappings: JSON.stringify(given.storage_mappings ?? {}),
    notes: given.notes ?? null,
    origin_minion_pool_id: choice.originPoolId,
    destination_minion_pool_id: choice.destinationPoolId,
    osmorphing_pools: JSON.stringify(choice.osmorphingPools),
    clone_disks: given.clone_disks ?? true,
    skip_os_morphing: given.skip_os_morphing ?? false,
  } as const
  await trx.insertInto('transfers').values(values).execute()
  return id
}

function readSettings(given: TransferCreate): MoveSettings {
  // The wire shows the maps inside the environment, and clients send them back there.
  const { network_map: _, storage_mappings: __, ...destination_environment } = given.destination_environment ?? {}
  return {
    source_environment: given.source_environment ?? {},
    destination_environment,
    user_scripts: normaliseUserScripts(given.user_scripts),
  }
}

function requireUnique(instances: readonly string[]): void {
  const counts = Map.groupBy(instances, instance => instance)
  const doubled = [...counts].filter(([, same]) => same.length > 1).map(([instance, same]) => `${instance} (${same.length} times)`)
  if (doubled.length > 0) throw new InstarError('api.bad-request', `instances are named more than once: ${doubled.join(', ')}`)
}

export interface Ends {
  readonly origin: EndpointRow
  readonly destination: EndpointRow
}

/** Both endpoints: there, and not the same place. Two endpoints on one platform with the same connection are the same place. */
async function requireEnds({ store }: ApiDeps, trx: Trx, projectId: string, given: TransferCreate): Promise<Ends> {
  const find = async (id: string) => {
    const row = await findEndpoint(trx, projectId, id)
    if (row === undefined) throw new InstarError('api.unknown-reference', `invalid input received: endpoint ${id} was not found`)
    return row
  }
  const ends = { origin: await find(given.origin_endpoint_id), destination: await find(given.destination_endpoint_id) }
  if (ends.origin.id === ends.destination.id)
    throw new InstarError('api.bad-request', 'the origin and destination endpoints must not be the same')
  const [origin, destination] = [ends.origin, ends.destination].map(row => openConnection(store.vault, row))
  if (ends.origin.type === ends.destination.type && isDeepStrictEqual(origin, destination)) {
    throw new InstarError('api.bad-request', 'the origin and destination endpoints have the same connection: they are the same place')
  }
  return ends
}

/** Throws `api.bad-request` naming the setting. */
export function checkEnvironments(settings: MoveSettings, ends: Ends, platforms: ReadonlyMap<string, WorkerProvider>): void {
  checkEnvironment(settings.source_environment, { what: 'source environment', platform: ends.origin.type, type: 8, platforms })
  checkEnvironment(settings.destination_environment, {
    what: 'destination environment',
    platform: ends.destination.type,
    type: 4,
    platforms,
  })
}

/** What is raised while a body is validated is 400: without workers every platform is unknown. */
export async function loadPlatformsOrNone({ now }: ApiDeps, db: Db): Promise<ReadonlyMap<string, WorkerProvider>> {
  return loadPlatforms(db, now()).catch((error: unknown) => {
    if (error instanceof InstarError && error.code === 'engine.no-worker') return new Map<string, WorkerProvider>()
    throw error
  })
}

/** A null takes a mapping away. */
export function withoutNulls(mappings: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(mappings).flatMap(([key, value]) => (value === null ? [] : [[key, value] as const])))
}

interface NewAction {
  readonly id: string
  readonly kind: 'transfer' | 'deployment' | 'minion_pool'
  readonly instances: readonly string[]
  readonly asker: Asker
}

/** The rows to which executions and what is known of the machines belong. */
export async function insertAction({ now }: ApiDeps, trx: Trx, { id, kind, instances, asker }: NewAction): Promise<void> {
  const values = { id, kind, project_id: asker.projectId, user_id: asker.userId, instances: [...instances], created_at: now() }
  await trx.insertInto('actions').values(values).execute()
  if (instances.length === 0) return
  // PostgreSQL takes 65,535 parameters in a statement.
  for (let at = 0; at < instances.length; at += 10_000) {
    const rows = instances.slice(at, at + 10_000).map((instance, place) => ({ action_id: id, instance, position: at + place }))
    await trx.insertInto('action_instances').values(rows).execute()
  }
}
