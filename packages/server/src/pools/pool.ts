import type { Selectable } from 'kysely'
import { wireTimeOrNull, type MinionPool, type PoolStatus } from '@instar/contract/api'
import type { Database, Vault } from '@instar/store'
import type { Db } from '../api-deps.ts'
import { notFound, rowId, timesOf } from '../lists/row.ts'
import { maskObject } from '../secrets/mask.ts'

export type PoolRow = Selectable<Database['actions']> & Omit<Selectable<Database['minion_pools']>, 'id' | 'project_id'>
type MachineRow = Selectable<Database['minion_machines']>
type PoolMachine = MinionPool['minion_machines'][number]

/** Pools joined with their actions. */
export function selectPools(db: Db) {
  return db
    .selectFrom('minion_pools')
    .innerJoin('actions', 'actions.id', 'minion_pools.id')
    .selectAll('actions')
    .select([
      'name',
      'notes',
      'endpoint_id',
      'platform',
      'os_type',
      'environment_options',
      'shared_resources',
      'status',
      'minimum_minions',
      'maximum_minions',
      'minion_max_idle_time',
      'minion_retention_strategy',
      'refreshed_at',
      'goal',
    ])
}

/** Throws `api.not-found`. */
export async function requirePool(db: Db, projectId: string, id: string): Promise<PoolRow> {
  const row = await selectPools(db)
    .where('actions.id', '=', rowId(id))
    .where('actions.project_id', '=', projectId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (row === undefined) throw notFound('minion pool', id)
  return row
}

/** A pool with its machines and history. */
export async function poolObject(db: Db, vault: Vault, row: PoolRow): Promise<MinionPool> {
  const machines = await db
    .selectFrom('minion_machines')
    .selectAll()
    .where('pool_id', '=', row.id)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
  const events = await db.selectFrom('pool_events').selectAll().where('pool_id', '=', row.id).orderBy('idx').execute()
  return {
    ...poolSummary(vault, row, machines),
    user_id: row.user_id,
    project_id: row.project_id,
    events: events.map(({ id, pool_id, idx, level, message, created_at }) => ({
      id,
      pool_id,
      index: idx,
      level,
      message,
      ...timesOf({ id, created_at, updated_at: null }),
    })),
    progress_updates: [],
  }
}

/** A pool as the list shows it. */
export function poolSummary(vault: Vault, row: PoolRow, machines: readonly MachineRow[]) {
  return {
    id: row.id,
    name: row.name,
    notes: row.notes,
    endpoint_id: row.endpoint_id,
    platform: row.platform,
    os_type: row.os_type as MinionPool['os_type'],
    environment_options: maskObject(row.environment_options),
    shared_resources:
      row.shared_resources === null ? null : maskObject(openObject(vault, row.shared_resources, `minion_pools:${row.id}:shared_resources`)),
    status: row.status as PoolStatus,
    minimum_minions: row.minimum_minions,
    maximum_minions: row.maximum_minions,
    minion_max_idle_time: row.minion_max_idle_time,
    minion_retention_strategy: row.minion_retention_strategy,
    maintenance_trust_id: null,
    minion_machines: machines.map(machine => machineObject(vault, machine)),
    ...timesOf(row),
  }
}

function openObject(vault: Vault, sealed: Buffer, place: string): Record<string, unknown> {
  return vault.open(sealed, place) as Record<string, unknown>
}

function machineObject(vault: Vault, row: MachineRow): PoolMachine {
  const details = row.details === null ? {} : openObject(vault, row.details, `minion_machines:${row.id}:details`)
  const detail = (key: string) => {
    const value = details[key]
    return typeof value === 'object' && value !== null ? maskObject(value as Record<string, unknown>) : null
  }
  return {
    id: row.id,
    pool_id: row.pool_id,
    user_id: row.user_id,
    project_id: row.project_id,
    allocation_status: row.allocation_status as PoolMachine['allocation_status'],
    power_status: row.power_status as PoolMachine['power_status'],
    allocated_action: row.allocated_action,
    last_used_at: wireTimeOrNull(row.last_used_at),
    connection_info: detail('connection_info'),
    backup_writer_connection_info: detail('backup_writer_connection_info'),
    provider_properties: detail('provider_properties'),
    ...timesOf(row),
  }
}
