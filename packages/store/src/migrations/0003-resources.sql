-- What users store: endpoints, transfers, deployments, schedules, minion pools. What runs of it is in the tables of the engine.

create table endpoints (
  id uuid primary key,
  project_id text not null,
  user_id text not null,
  type text not null,
  name text not null,
  description text,
  -- sealed: {connection_info}
  connection_info bytea not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz,
  deleted_at timestamptz
);
create index endpoints_project on endpoints (project_id, created_at) where deleted_at is null;

create table endpoint_regions (
  endpoint_id uuid not null references endpoints on delete cascade,
  region_id uuid not null references regions on delete cascade,
  primary key (endpoint_id, region_id)
);
create index endpoint_regions_region on endpoint_regions (region_id);

create table transfers (
  id uuid primary key references actions on delete cascade,
  project_id text not null,
  scenario text not null check (scenario in ('replica', 'live_migration')),
  origin_endpoint_id uuid not null references endpoints,
  destination_endpoint_id uuid not null references endpoints,
  -- sealed: {source_environment, destination_environment, user_scripts}; they hold disk keys and secrets of scripts
  settings bytea not null,
  network_map jsonb not null,
  storage_mappings jsonb not null,
  notes text,
  origin_minion_pool_id uuid,
  destination_minion_pool_id uuid,
  osmorphing_pools jsonb not null,
  clone_disks boolean not null,
  skip_os_morphing boolean not null
);
create index transfers_origin on transfers (origin_endpoint_id);
create index transfers_destination on transfers (destination_endpoint_id);

-- New values of a transfer, until the execution that tries them has completed.
create table transfer_updates (
  execution_id uuid primary key references executions on delete cascade,
  transfer_id uuid not null references transfers on delete cascade,
  project_id text not null,
  -- sealed: the whole of the transfer's changeable columns as they will be
  changes bytea not null
);

create table deployments (
  id uuid primary key references actions on delete cascade,
  project_id text not null,
  transfer_id uuid not null references transfers,
  scenario text not null check (scenario in ('replica', 'live_migration')),
  -- the execution that an automatic deployment waits, or waited, for
  deployer_id uuid,
  -- why an automatic deployment never started
  failure text,
  origin_endpoint_id uuid not null,
  destination_endpoint_id uuid not null,
  settings bytea not null,
  network_map jsonb not null,
  storage_mappings jsonb not null,
  notes text,
  osmorphing_pools jsonb not null,
  clone_disks boolean not null,
  skip_os_morphing boolean not null,
  transfer_result jsonb,
  resume_from uuid
);
create index deployments_transfer on deployments (transfer_id);
create index deployments_deployer on deployments (deployer_id) where deployer_id is not null;

create table schedules (
  id uuid primary key,
  transfer_id uuid not null references transfers on delete cascade,
  project_id text not null,
  user_id text not null,
  timetable jsonb not null,
  enabled boolean not null,
  expiration_date timestamptz,
  shutdown_instance boolean not null,
  auto_deploy boolean not null,
  -- the last minute in which it fired, whichever server saw it; and what came of it
  fired_at timestamptz,
  outcome text,
  created_at timestamptz not null default now(),
  updated_at timestamptz,
  deleted_at timestamptz
);
create index schedules_transfer on schedules (transfer_id);
create index schedules_enabled on schedules (enabled) where deleted_at is null;

create table minion_pools (
  id uuid primary key references actions on delete cascade,
  project_id text not null,
  name text not null,
  notes text,
  endpoint_id uuid not null references endpoints,
  platform text not null check (platform in ('source', 'destination')),
  os_type text not null,
  environment_options jsonb not null,
  -- sealed: what SET_UP_…_POOL_SHARED_RESOURCES gave; null before the first allocation
  shared_resources bytea,
  status text not null,
  minimum_minions integer not null,
  maximum_minions integer not null,
  -- seconds
  minion_max_idle_time integer not null,
  minion_retention_strategy text not null check (minion_retention_strategy in ('delete', 'poweroff')),
  refreshed_at timestamptz
);
create index minion_pools_endpoint on minion_pools (endpoint_id);

create table minion_machines (
  id uuid primary key,
  pool_id uuid not null references minion_pools on delete cascade,
  project_id text not null,
  user_id text not null,
  allocation_status text not null,
  power_status text not null,
  -- the transfer or deployment that uses it
  allocated_action uuid,
  last_used_at timestamptz,
  -- sealed: {connection_info, backup_writer_connection_info, provider_properties}
  details bytea,
  created_at timestamptz not null default now(),
  updated_at timestamptz
);
create index minion_machines_pool on minion_machines (pool_id);

create table pool_events (
  id uuid primary key,
  pool_id uuid not null references minion_pools on delete cascade,
  idx integer not null,
  level text not null check (level in ('INFO', 'WARNING', 'ERROR')),
  message text not null,
  created_at timestamptz not null default now(),
  unique (pool_id, idx)
);

-- Failures that the webhook is to be told, until it answered.
create table webhook_deliveries (
  id uuid primary key,
  project_id text not null,
  execution_id uuid,
  body jsonb not null,
  attempts integer not null default 0,
  next_at timestamptz not null,
  created_at timestamptz not null default now()
);
create index webhook_deliveries_next on webhook_deliveries (next_at);
