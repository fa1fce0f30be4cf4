import type { Transfer } from '@instar/contract/api'
import type { Column } from '../output/column.ts'
import { cellText } from '../output/cell.ts'
import type { JsonObject } from '../output/json-option.ts'

/** What transfers and deployments have alike; shown under the names that Coriolis' client gives it. */
export type Action = Omit<Transfer, 'type' | 'scenario' | 'executions'>

export const HEAD_FIELDS: readonly Column<Action>[] = [
  { name: 'reservation_id', of: one => one.reservation_id },
  { name: 'instances', of: one => one.instances },
  { name: 'notes', of: one => one.notes },
  { name: 'origin_endpoint_id', of: one => one.origin_endpoint_id },
  { name: 'origin_minion_pool_id', of: one => one.origin_minion_pool_id },
  { name: 'destination_endpoint_id', of: one => one.destination_endpoint_id },
  { name: 'destination_minion_pool_id', of: one => one.destination_minion_pool_id },
  { name: 'instance_osmorphing_minion_pool_mappings', of: one => one.instance_osmorphing_minion_pool_mappings },
]

export const PLACE_FIELDS: readonly Column<Action>[] = [
  { name: 'destination_environment', of: one => one.destination_environment },
  { name: 'source_environment', of: one => one.source_environment },
  { name: 'network_map', of: one => one.network_map },
  { name: 'disk_storage_mappings', of: one => one.storage_mappings?.disk_mappings ?? [] },
  { name: 'storage_backend_mappings', of: one => one.storage_mappings?.backend_mappings ?? [] },
  { name: 'default_storage_backend', of: one => one.storage_mappings?.default },
  { name: 'user_scripts', of: one => one.user_scripts, text: one => scriptLines(one.user_scripts) },
]

/** A line for each script: where it runs and its first words. Its whole text is what `-f json` is for. */
function scriptLines(scripts: JsonObject | null | undefined): string {
  return (['global', 'instances'] as const)
    .flatMap(half => Object.entries((scripts?.[half] ?? {}) as Record<string, readonly Record<string, unknown>[] | null>))
    .flatMap(([key, list]) => (list ?? []).map(script => `${key} ${cellText(script['phase'])}: ${firstLine(script)}`))
    .join('\n')
}

function firstLine(script: Readonly<Record<string, unknown>>): string {
  const lines = cellText(script['payload']).split('\n')
  const telling = lines.find(line => line.trim() !== '' && !line.startsWith('#!')) ?? lines[0] ?? ''
  return `${typeof script['name'] === 'string' ? `${script['name']}: ` : ''}${telling.slice(0, 60)}`
}
