import * as z from 'zod/mini'
import { Execution } from './execution.ts'
import { EXECUTION_STATUSES, SCENARIOS } from './statuses.ts'
import { StorageMappings } from './storage-mappings.ts'
import { UserScripts, UserScriptsInput } from './user-scripts.ts'
import { documented, LIMITS, OpenObject, rowTimes, Text } from './wire.ts'

/** Which pool's machine morphs which instance. */
export const PoolMappings = z.record(z.string(), z.string())

/** What a transfer and a deployment have in common on the wire. */
export const actionFields = {
  id: z.string(),
  base_id: z.string(),
  user_id: z.string(),
  project_id: z.string(),
  origin_endpoint_id: z.string(),
  destination_endpoint_id: z.string(),
  instances: z.array(z.string()),
  source_environment: OpenObject,
  destination_environment: OpenObject,
  network_map: OpenObject,
  storage_mappings: StorageMappings,
  notes: z.nullable(z.string()),
  reservation_id: z.null(),
  transfer_result: z.nullable(OpenObject),
  origin_minion_pool_id: z.nullable(z.string()),
  destination_minion_pool_id: z.nullable(z.string()),
  instance_osmorphing_minion_pool_mappings: PoolMappings,
  user_scripts: UserScripts,
  clone_disks: z.boolean(),
  skip_os_morphing: z.boolean(),
  clustered: z.boolean(),
  last_execution_status: z.enum(EXECUTION_STATUSES),
  /** Only with `include_task_info`: what is known of each instance, secrets masked. */
  info: z.optional(z.record(z.string(), OpenObject)),
  ...rowTimes,
}

/** A standing order: which machines, from where, to where, how. */
export const Transfer = z
  .object({ ...actionFields, type: z.literal('transfer'), scenario: z.enum(SCENARIOS), executions: z.array(Execution) })
  .register(documented, { id: 'Transfer' })
export type Transfer = z.infer<typeof Transfer>

export const InstanceNames = z
  .array(z.string().check(z.minLength(1), z.maxLength(LIMITS.instanceNameChars)))
  .check(z.minLength(1, 'no instance is given'), z.maxLength(LIMITS.instances))

/** Pool choices of a request; null removes one. */
const poolChoice = {
  origin_minion_pool_id: z.nullish(z.string()),
  destination_minion_pool_id: z.nullish(z.string()),
  instance_osmorphing_minion_pool_mappings: z.nullish(z.record(z.string(), z.nullable(z.string()))),
}

/** What is given at creation and may change later. */
const changeable = {
  source_environment: z.nullish(OpenObject),
  destination_environment: z.nullish(OpenObject),
  network_map: z.nullish(OpenObject),
  storage_mappings: z.nullish(StorageMappings),
  notes: z.nullish(Text),
  ...poolChoice,
  user_scripts: UserScriptsInput,
  clone_disks: z.nullish(z.boolean()),
  skip_os_morphing: z.nullish(z.boolean()),
}

export const TransferCreate = z.object({
  origin_endpoint_id: z.string(),
  destination_endpoint_id: z.string(),
  instances: InstanceNames,
  scenario: z.nullish(z.union([z.literal(''), z.enum(SCENARIOS)])),
  ...changeable,
})
export type TransferCreate = z.infer<typeof TransferCreate>

/** What is named changes; environments and maps are merged one level deep. Endpoints and instances cannot change. */
export const TransferUpdate = z.object({
  ...changeable,
  scenario: z.nullish(z.string()),
  origin_endpoint_id: z.nullish(z.string()),
  destination_endpoint_id: z.nullish(z.string()),
  instances: z.nullish(z.array(z.string())),
})
export type TransferUpdate = z.infer<typeof TransferUpdate>
