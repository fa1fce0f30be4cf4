import * as z from 'zod/mini'
import { documented } from './wire.ts'

/** Where disks go: by disk, else by the storage they lie on, else the default. No other keys (the one closed schema of the v1 API). */
export const StorageMappings = z
  .strictObject({
    default: z.optional(z.string()),
    backend_mappings: z.optional(z.array(z.strictObject({ source: z.string(), destination: z.string() }))),
    disk_mappings: z.optional(z.array(z.strictObject({ disk_id: z.string(), destination: z.string() }))),
  })
  .register(documented, { id: 'StorageMappings' })
export type StorageMappings = z.infer<typeof StorageMappings>

/** The rule of an update: lists are merged by their key, the new entry wins; the result always has both lists. */
export function mergeStorageMappings(old: StorageMappings, update: StorageMappings): StorageMappings {
  const preset = update.default ?? old.default
  return {
    ...(preset === undefined ? {} : { default: preset }),
    backend_mappings: mergeBy('source', old.backend_mappings, update.backend_mappings),
    disk_mappings: mergeBy('disk_id', old.disk_mappings, update.disk_mappings),
  }
}

function mergeBy<K extends string, T extends Record<K, string>>(key: K, old: readonly T[] = [], update: readonly T[] = []): T[] {
  return [...new Map([...old, ...update].map(entry => [entry[key], entry])).values()]
}
