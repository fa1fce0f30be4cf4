import { randomUUID } from 'node:crypto'
import type { PoolStatus } from '@instar/contract/api'
import type { Info } from '@instar/engine'
import { PROJECT, signal, USER, type Moves } from './simulated-moves.fixture.ts'
import { waitFor } from './wait-for.fixture.ts'

export interface PoolSettings {
  readonly platform?: 'source' | 'destination'
  readonly minimum?: number
  readonly maximum?: number
  readonly maxIdleS?: number
  readonly retention?: 'delete' | 'poweroff'
  readonly environment?: Info
}

/** A pool at one of the two endpoints, as POST /minion_pools stores it. */
export async function addPool({ store, endpoints }: Moves, settings: PoolSettings = {}): Promise<string> {
  const id = randomUUID()
  const platform = settings.platform ?? 'destination'
  await store.db.insertInto('actions').values({ id, kind: 'minion_pool', project_id: PROJECT, user_id: USER, instances: [] }).execute()
  await store.db
    .insertInto('minion_pools')
    .values({
      id,
      project_id: PROJECT,
      name: `pool ${id}`,
      endpoint_id: endpoints[platform],
      platform,
      os_type: 'linux',
      environment_options: JSON.stringify(settings.environment ?? {}),
      status: 'DEALLOCATED',
      minimum_minions: settings.minimum ?? 1,
      maximum_minions: settings.maximum ?? 3,
      minion_max_idle_time: settings.maxIdleS ?? 3600,
      minion_retention_strategy: settings.retention ?? 'delete',
    })
    .execute()
  return id
}

/** Begins to allocate the pool and waits for the status that it ends in. */
export async function allocate(moves: Moves, poolId: string): Promise<string> {
  await moves.store.transact(trx => moves.pools.allocate(trx, poolId), signal)
  return untilStatus(moves, poolId, ['ALLOCATED', 'ERROR'])
}

export async function deallocate(moves: Moves, poolId: string, force = false): Promise<string> {
  await moves.store.transact(trx => moves.pools.deallocate(trx, poolId, { force }), signal)
  return untilStatus(moves, poolId, ['DEALLOCATED', 'ERROR'])
}

export async function refresh(moves: Moves, poolId: string): Promise<void> {
  await moves.store.transact(trx => moves.pools.refresh(trx, poolId), signal)
}

export async function untilStatus({ store }: Moves, poolId: string, wanted: readonly PoolStatus[]): Promise<string> {
  return waitFor(
    async () => {
      const { status } = await store.db.selectFrom('minion_pools').select('status').where('id', '=', poolId).executeTakeFirstOrThrow()
      return wanted.some(one => one === status) ? status : undefined
    },
    `pool ${poolId} to be ${wanted.join(' or ')}`,
  )
}

/** `STATUS POWER` of each machine, oldest first. */
export async function minionsOf({ store }: Moves, poolId: string): Promise<string[]> {
  const rows = await store.db.selectFrom('minion_machines').selectAll().where('pool_id', '=', poolId).orderBy('created_at').execute()
  return rows.map(({ allocation_status, power_status }) => `${allocation_status} ${power_status}`)
}

export async function untilMinions(moves: Moves, poolId: string, wanted: readonly string[]): Promise<void> {
  await waitFor(
    async () => (JSON.stringify(await minionsOf(moves, poolId)) === JSON.stringify(wanted) ? true : undefined),
    `the machines of pool ${poolId} to be ${wanted.join(', ')}`,
  )
}

/** The texts of the pool's events, in order; their numbers are checked on the way. */
export async function eventsOf({ store }: Moves, poolId: string): Promise<string[]> {
  const rows = await store.db.selectFrom('pool_events').selectAll().where('pool_id', '=', poolId).orderBy('idx').execute()
  for (const [at, { idx }] of rows.entries()) if (idx !== at) throw new Error(`event ${at} has the number ${idx}`)
  return rows.map(({ message }) => message)
}
