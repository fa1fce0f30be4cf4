import type { ColumnType, Generated, JSONColumnType } from 'kysely'

/** Tables of `0003-resources.sql`. */
export interface ResourceTables {
  endpoints: EndpointsTable
  endpoint_regions: { endpoint_id: string; region_id: string }
  transfers: TransfersTable
  transfer_updates: { execution_id: string; transfer_id: string; project_id: string; changes: Buffer }
  deployments: DeploymentsTable
  schedules: SchedulesTable
  minion_pools: MinionPoolsTable
  minion_machines: MinionMachinesTable
  pool_events: PoolEventsTable
  webhook_deliveries: WebhookDeliveriesTable
}

type JsonObject = JSONColumnType<Record<string, unknown>>
type Scenario = 'replica' | 'live_migration'

interface Dated {
  created_at: Generated<Date>
  updated_at: Date | null
}

interface EndpointsTable extends Dated {
  id: string
  project_id: string
  user_id: string
  type: string
  name: string
  description: string | null
  /** Sealed object at the place `endpoints:<id>:connection_info`. */
  connection_info: Buffer
  deleted_at: Date | null
}

/** Has the id of its action. */
interface TransfersTable {
  id: string
  project_id: string
  scenario: Scenario
  origin_endpoint_id: string
  destination_endpoint_id: string
  /** Sealed `{source_environment, destination_environment, user_scripts}` at the place `transfers:<id>:settings`. */
  settings: Buffer
  network_map: JsonObject
  storage_mappings: JsonObject
  notes: string | null
  origin_minion_pool_id: string | null
  destination_minion_pool_id: string | null
  /** instance -> id of the pool whose machine morphs it. */
  osmorphing_pools: JSONColumnType<Record<string, string>>
  clone_disks: boolean
  skip_os_morphing: boolean
}

/** Has the id of its action. */
interface DeploymentsTable {
  id: string
  project_id: string
  transfer_id: string
  scenario: Scenario
  deployer_id: string | null
  failure: string | null
  origin_endpoint_id: string
  destination_endpoint_id: string
  /** As a transfer's, at the place `deployments:<id>:settings`. */
  settings: Buffer
  network_map: JsonObject
  storage_mappings: JsonObject
  notes: string | null
  osmorphing_pools: JSONColumnType<Record<string, string>>
  clone_disks: boolean
  skip_os_morphing: boolean
  /** instance -> the machine that was made (coriolis-api.md 3.8). */
  transfer_result: ColumnType<Record<string, unknown> | null, string | null | undefined, string | null>
  resume_from: string | null
}

interface SchedulesTable extends Dated {
  id: string
  transfer_id: string
  project_id: string
  user_id: string
  timetable: JSONColumnType<Record<string, number>>
  enabled: boolean
  expiration_date: Date | null
  shutdown_instance: boolean
  auto_deploy: boolean
  fired_at: Date | null
  outcome: string | null
  deleted_at: Date | null
}

/** Has the id of its action. */
interface MinionPoolsTable {
  id: string
  project_id: string
  name: string
  notes: string | null
  endpoint_id: string
  platform: 'source' | 'destination'
  os_type: string
  environment_options: JsonObject
  /** Sealed object at the place `minion_pools:<id>:shared_resources`. */
  shared_resources: Buffer | null
  status: string
  minimum_minions: number
  maximum_minions: number
  /** Seconds. */
  minion_max_idle_time: number
  minion_retention_strategy: 'delete' | 'poweroff'
  refreshed_at: Date | null
  /** What the pool is on its way to, while tasks that stand against it are still ending. */
  goal: 'deallocated' | null
}

interface MinionMachinesTable extends Dated {
  id: string
  pool_id: string
  project_id: string
  user_id: string
  allocation_status: string
  power_status: string
  /** The transfer or deployment that uses it. */
  allocated_action: string | null
  last_used_at: Date | null
  /** Sealed `{connection_info, backup_writer_connection_info, provider_properties}` at the place `minion_machines:<id>:details`. */
  details: Buffer | null
  /** The execution for which it is reserved or in use, the machine of its transfer, and what it does for it. */
  reserved_for: string | null
  instance: string | null
  role: 'origin' | 'destination' | 'osmorphing' | null
  /** The host of the worker inside which it lives; null where it lives by itself, and while it is off. */
  held_by: string | null
}

interface PoolEventsTable {
  id: string
  pool_id: string
  idx: number
  level: 'INFO' | 'WARNING' | 'ERROR'
  message: string
  created_at: Generated<Date>
}

interface WebhookDeliveriesTable {
  id: string
  project_id: string
  execution_id: string | null
  body: JsonObject
  attempts: Generated<number>
  next_at: Date
  created_at: Generated<Date>
}
