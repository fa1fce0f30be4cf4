import type { Selectable } from 'kysely'
import { maskScriptSecrets, wireTime, wireTimeOrNull, type StorageMappings } from '@instar/contract/api'
import type { MoveSettings } from '@instar/engine'
import type { Database } from '@instar/store'
import { maskObject } from '../secrets/mask.ts'

type ActionRow = Selectable<Database['actions']>

/** The columns that transfers and deployments have alike. */
export const MOVE_COLUMNS = [
  'scenario',
  'origin_endpoint_id',
  'destination_endpoint_id',
  'settings',
  'network_map',
  'storage_mappings',
  'notes',
  'osmorphing_pools',
  'clone_disks',
  'skip_os_morphing',
] as const

/** What transfers and deployments have alike, joined with the row of their action. */
export type MoveRow = ActionRow & Pick<Selectable<Database['transfers']>, (typeof MOVE_COLUMNS)[number]>

/** What transfers and deployments show alike, secrets masked. */
export function moveFields(row: MoveRow, settings: MoveSettings) {
  const storage_mappings = row.storage_mappings as StorageMappings
  return {
    id: row.id,
    base_id: row.id,
    user_id: row.user_id,
    project_id: row.project_id,
    origin_endpoint_id: row.origin_endpoint_id,
    destination_endpoint_id: row.destination_endpoint_id,
    instances: row.instances,
    source_environment: maskObject(settings.source_environment),
    destination_environment: { ...maskObject(settings.destination_environment), network_map: row.network_map, storage_mappings },
    network_map: row.network_map,
    storage_mappings,
    notes: row.notes,
    reservation_id: null,
    instance_osmorphing_minion_pool_mappings: row.osmorphing_pools,
    user_scripts: maskScriptSecrets(settings.user_scripts),
    clone_disks: row.clone_disks,
    skip_os_morphing: row.skip_os_morphing,
    clustered: row.instances.length > 1,
    created_at: wireTime(row.created_at),
    updated_at: wireTimeOrNull(row.updated_at),
    deleted_at: wireTimeOrNull(row.deleted_at),
    deleted: row.deleted_at === null ? '0' : row.id,
  }
}
