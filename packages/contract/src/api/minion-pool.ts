import * as z from 'zod/mini'
import { OS_TYPES } from '../scripts/script-spec.ts'
import { EVENT_LEVELS, MINION_ALLOCATION_STATUSES, MINION_POWER_STATUSES, POOL_STATUSES } from './statuses.ts'
import { documented, Name, OpenObject, rowTimes, Text } from './wire.ts'

export const MinionMachine = z
  .object({
    id: z.string(),
    pool_id: z.string(),
    user_id: z.string(),
    project_id: z.string(),
    allocation_status: z.enum(MINION_ALLOCATION_STATUSES),
    power_status: z.enum(MINION_POWER_STATUSES),
    allocated_action: z.nullable(z.string()),
    last_used_at: z.nullable(z.string()),
    connection_info: z.nullable(OpenObject),
    backup_writer_connection_info: z.nullable(OpenObject),
    provider_properties: z.nullable(OpenObject),
    ...rowTimes,
  })
  .register(documented, { id: 'MinionMachine' })

const PoolEvent = z.object({
  id: z.string(),
  pool_id: z.string(),
  index: z.int(),
  level: z.enum(EVENT_LEVELS),
  message: z.string(),
  ...rowTimes,
})

const PoolProgress = z.object({
  id: z.string(),
  pool_id: z.string(),
  index: z.int(),
  current_step: z.int(),
  total_steps: z.int(),
  message: z.string(),
  ...rowTimes,
})

const summary = {
  id: z.string(),
  name: z.string(),
  notes: z.nullable(z.string()),
  endpoint_id: z.string(),
  platform: z.enum(['source', 'destination']),
  os_type: z.enum(OS_TYPES),
  environment_options: OpenObject,
  shared_resources: z.nullable(OpenObject),
  status: z.enum(POOL_STATUSES),
  minimum_minions: z.int(),
  maximum_minions: z.int(),
  minion_max_idle_time: z.int(),
  minion_retention_strategy: z.enum(['delete', 'poweroff']),
  maintenance_trust_id: z.nullable(z.string()),
  minion_machines: z.array(MinionMachine),
  ...rowTimes,
}

/** A pool in the list: without its owner and its history. */
export const MinionPoolSummary = z.object(summary).register(documented, { id: 'MinionPoolSummary' })

/** A warm set of minions at an endpoint. */
export const MinionPool = z
  .object({
    ...summary,
    user_id: z.string(),
    project_id: z.string(),
    events: z.array(PoolEvent),
    progress_updates: z.array(PoolProgress),
  })
  .register(documented, { id: 'MinionPool' })
export type MinionPool = z.infer<typeof MinionPool>

const count = z.int().check(z.minimum(1), z.maximum(1000))
const idleTimeS = z.int().check(z.minimum(1), z.maximum(31_536_000))

const settings = {
  notes: z.nullish(Text),
  minimum_minions: z.nullish(count),
  maximum_minions: z.nullish(count),
  minion_max_idle_time: z.nullish(idleTimeS),
  minion_retention_strategy: z.nullish(z.enum(['delete', 'poweroff'])),
}

export const MinionPoolCreate = z.object({
  name: Name,
  endpoint_id: z.string(),
  os_type: z.enum(OS_TYPES),
  platform: z.enum(['source', 'destination']),
  environment_options: OpenObject,
  ...settings,
  skip_allocation: z.nullish(z.boolean()),
})
export type MinionPoolCreate = z.infer<typeof MinionPoolCreate>

export const MinionPoolUpdate = z.object({
  name: z.nullish(Name),
  os_type: z.nullish(z.enum(OS_TYPES)),
  environment_options: z.nullish(OpenObject),
  ...settings,
  endpoint_id: z.optional(z.unknown()),
  platform: z.optional(z.unknown()),
})
export type MinionPoolUpdate = z.infer<typeof MinionPoolUpdate>
