import type { StorageMappings, UserScripts } from '@instar/contract/api'
import type { Vault } from '@instar/store'

/** What a transfer and a deployment keep sealed: environments may hold disk keys, scripts their secrets. The maps of the wire are not in here. */
export interface MoveSettings {
  readonly source_environment: Record<string, unknown>
  readonly destination_environment: Record<string, unknown>
  readonly user_scripts: UserScripts
}

interface SettingsPlace {
  readonly table: 'transfers' | 'deployments'
  readonly id: string
}

export function sealSettings(vault: Vault, { table, id }: SettingsPlace, settings: MoveSettings): Buffer {
  const { source_environment, destination_environment, user_scripts } = settings
  return vault.seal({ source_environment, destination_environment, user_scripts }, `${table}:${id}:settings`)
}

export function openSettings(vault: Vault, { table, id }: SettingsPlace, sealed: Buffer): MoveSettings {
  return vault.open(sealed, `${table}:${id}:settings`) as MoveSettings
}

/** All that an update can change of a transfer, as it will be. Kept sealed until the execution that tries it has completed. */
export interface TransferChanges extends MoveSettings {
  readonly network_map: Record<string, unknown>
  readonly storage_mappings: StorageMappings
  readonly notes: string | null
  readonly origin_minion_pool_id: string | null
  readonly destination_minion_pool_id: string | null
  readonly osmorphing_pools: Record<string, string>
  readonly clone_disks: boolean
  readonly skip_os_morphing: boolean
}

export function sealChanges(vault: Vault, executionId: string, changes: TransferChanges): Buffer {
  return vault.seal(changes, `transfer_updates:${executionId}:changes`)
}

export function openChanges(vault: Vault, executionId: string, sealed: Buffer): TransferChanges {
  return vault.open(sealed, `transfer_updates:${executionId}:changes`) as TransferChanges
}
