import { InstarError } from '@instar/contract'
import { Instance, StorageMappings } from '@instar/contract/api'
import type { Info } from '@instar/engine'
import type { Volume } from '../providers/disks.ts'
import type { Own } from '../providers/provider.ts'

/** What a machine's info holds under a key (coriolis-api.md 3.5), as far as steps read it. */
export function readSettings(info: Info, key: 'source_environment' | 'target_environment'): Own {
  return readOwn(info, key) ?? {}
}

/** The settings proper, and the mappings that the v1 API keeps among them. */
export function readMappings(environment: Own): { settings: Own; networkMap: Own; storageMappings: StorageMappings } {
  const { network_map, storage_mappings, ...settings } = environment
  return {
    settings,
    networkMap: (network_map ?? {}) as Own,
    storageMappings: StorageMappings.parse(storage_mappings ?? {}),
  }
}

export function readVolumes(info: Info): readonly Volume[] {
  return (info['volumes_info'] ?? []) as readonly Volume[]
}

/** Volumes that have become a machine's own, while the source still has what their copies found changes by. */
export function readReleasedVolumes(info: Info): readonly Volume[] {
  return (info['released_volumes'] ?? []) as readonly Volume[]
}

/** Throws when GET_INSTANCE_INFO never ran for the machine. */
export function readExportInfo(info: Info, instance: string): Instance {
  const parsed = Instance.safeParse(info['export_info'])
  if (parsed.success) return parsed.data
  throw new InstarError('provider.failed', `nothing is known of machine ${instance}`, {
    hint: 'Execute the transfer first: it asks the source about its machines.',
  })
}

export function readOwn(info: Info, key: string): Own | null {
  const value = info[key]
  return typeof value === 'object' && value !== null ? (value as Own) : null
}

/** What a task before this one must have left. Throws `internal.bug` when it did not. */
export function requireOwn(info: Info, key: string): Own {
  const value = readOwn(info, key)
  if (value === null) throw new InstarError('internal.bug', `the machine's info has no ${key}`)
  return value
}
