import { sql } from 'kysely'
import { InstarError } from '@instar/contract'
import type { MinionPoolCreate, MinionPoolUpdate } from '@instar/contract/api'
import type { ApiDeps, Trx } from '../api-deps.ts'
import { findEndpoint, requireEndpoint } from '../endpoints/endpoint.ts'
import { lockAction } from '../moves/busy.ts'
import { checkEnvironment } from '../places/environment-schema.ts'
import { restoreObject } from '../secrets/mask.ts'
import { insertAction, loadPlatformsOrNone, type Asker } from '../transfers/create-transfer.ts'
import { requirePool } from './pool.ts'

/** Stores a pool and, unless told not to, begins to allocate it; answers its id. Throws `api.bad-request`, `api.unknown-reference`. */
export async function createPool(deps: ApiDeps, trx: Trx, asker: Asker, given: MinionPoolCreate): Promise<string> {
  const endpoint = await findEndpoint(trx, asker.projectId, given.endpoint_id)
  if (endpoint === undefined)
    throw new InstarError('api.unknown-reference', `invalid input received: endpoint ${given.endpoint_id} was not found`)
  if (given.platform === 'source' && given.os_type !== 'linux') {
    throw new InstarError('api.bad-request', `a source minion pool is for linux, not ${given.os_type}`)
  }
  await checkOptions(deps, trx, { platform: endpoint.type, side: given.platform, options: given.environment_options })
  const minimum = given.minimum_minions ?? 1
  const maximum = given.maximum_minions ?? minimum
  requireOrder(minimum, maximum)
  const id = deps.newId()
  await insertAction(deps, trx, { id, kind: 'minion_pool', instances: [], asker })
  const row = {
    id,
    project_id: asker.projectId,
    name: given.name,
    notes: given.notes ?? null,
    endpoint_id: endpoint.id,
    platform: given.platform,
    os_type: given.os_type,
    environment_options: JSON.stringify(given.environment_options),
    status: 'DEALLOCATED',
    minimum_minions: minimum,
    maximum_minions: maximum,
    minion_max_idle_time: given.minion_max_idle_time ?? 1,
    minion_retention_strategy: given.minion_retention_strategy ?? 'delete',
  }
  await trx.insertInto('minion_pools').values(row).execute()
  const event = {
    id: deps.newId(),
    pool_id: id,
    idx: 0,
    level: 'INFO',
    message: 'The minion pool was added',
    created_at: deps.now(),
  } as const
  await trx.insertInto('pool_events').values(event).execute()
  return id
}

/** Only a pool at rest can be changed. Throws `api.not-found`, `api.bad-request`, `api.wrong-state`. */
export async function updatePool(deps: ApiDeps, trx: Trx, of: { id: string; projectId: string }, given: MinionPoolUpdate): Promise<void> {
  const { id } = await lockAction(trx, 'minion_pool', of)
  const pool = await requirePool(trx, of.projectId, id)
  const fixed = (['endpoint_id', 'platform'] as const).filter(key => given[key] !== undefined)
  if (fixed.length > 0) throw new InstarError('api.bad-request', `${fixed.join(', ')} of a minion pool cannot be updated`)
  if (pool.status !== 'DEALLOCATED')
    throw new InstarError('api.wrong-state', `minion pool ${pool.id} is ${pool.status}; it can be updated only when DEALLOCATED`)
  if (pool.platform === 'source' && given.os_type && given.os_type !== 'linux') {
    throw new InstarError('api.bad-request', `a source minion pool is for linux, not ${given.os_type}`)
  }
  const options = given.environment_options ? restoreObject(given.environment_options, pool.environment_options) : pool.environment_options
  if (given.environment_options) {
    const endpoint = await requireEndpoint(trx, of.projectId, pool.endpoint_id)
    await checkOptions(deps, trx, { platform: endpoint.type, side: pool.platform, options })
  }
  const minimum = given.minimum_minions ?? pool.minimum_minions
  const maximum = given.maximum_minions ?? pool.maximum_minions
  requireOrder(minimum, maximum)
  const row = {
    name: given.name ?? pool.name,
    os_type: given.os_type ?? pool.os_type,
    notes: given.notes === undefined ? pool.notes : given.notes,
    environment_options: JSON.stringify(options),
    minimum_minions: minimum,
    maximum_minions: maximum,
    minion_max_idle_time: given.minion_max_idle_time ?? pool.minion_max_idle_time,
    minion_retention_strategy: given.minion_retention_strategy ?? pool.minion_retention_strategy,
  }
  await trx.updateTable('minion_pools').set(row).where('id', '=', pool.id).execute()
  await trx.updateTable('actions').set({ updated_at: deps.now() }).where('id', '=', pool.id).execute()
}

/** Refused while machines are there, and while a transfer names it, which could then only fail. */
export async function deletePool(deps: ApiDeps, trx: Trx, of: { id: string; projectId: string }): Promise<void> {
  const { id } = await lockAction(trx, 'minion_pool', of)
  const pool = await requirePool(trx, of.projectId, id)
  if (pool.status !== 'DEALLOCATED' && pool.status !== 'ERROR') {
    throw new InstarError('api.wrong-state', `minion pool ${pool.id} is ${pool.status}; it can be deleted only when DEALLOCATED or ERROR`)
  }
  const users = await trx
    .selectFrom('transfers')
    .innerJoin('actions', 'actions.id', 'transfers.id')
    .select('transfers.id')
    .where('deleted_at', 'is', null)
    .where('transfers.project_id', '=', of.projectId)
    .where(eb =>
      eb.or([
        eb('origin_minion_pool_id', '=', id),
        eb('destination_minion_pool_id', '=', id),
        sql<boolean>`exists (select 1 from jsonb_each_text(osmorphing_pools) as mapped where mapped.value = ${id})`,
      ]),
    )
    .execute()
  if (users.length > 0)
    throw new InstarError('api.wrong-state', `minion pool ${id} is named by transfers: ${users.map(row => row.id).join(', ')}`)
  await trx.updateTable('actions').set({ deleted_at: deps.now() }).where('id', '=', id).execute()
}

interface PoolOptions {
  readonly platform: string
  readonly side: 'source' | 'destination'
  readonly options: Readonly<Record<string, unknown>>
}

async function checkOptions(deps: ApiDeps, trx: Trx, { platform, side, options }: PoolOptions): Promise<void> {
  const platforms = await loadPlatformsOrNone(deps, trx)
  checkEnvironment(options, { what: 'environment options', platform, type: side === 'source' ? 524288 : 1048576, platforms })
}

function requireOrder(minimum: number, maximum: number): void {
  if (minimum > maximum)
    throw new InstarError('api.bad-request', `"minimum_minions" is ${minimum}, more than "maximum_minions" (${maximum})`)
}
