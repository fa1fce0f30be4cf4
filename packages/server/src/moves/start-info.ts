import type { MoveSettings } from '@instar/engine'

/** The settings that the steps of an execution read from each machine's info (coriolis-api.md 3.5). */
export function settingsInfo(
  settings: MoveSettings,
  maps: { readonly network_map: Record<string, unknown>; readonly storage_mappings: Record<string, unknown> },
): Record<string, unknown> {
  return {
    source_environment: settings.source_environment,
    target_environment: { ...settings.destination_environment, network_map: maps.network_map, storage_mappings: maps.storage_mappings },
  }
}
