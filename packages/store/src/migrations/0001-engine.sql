-- What executions belong to: the row that a transfer, a deployment or a minion pool shares with its own table under one id.
create table actions (
  id uuid primary key,
  kind text not null check (kind in ('transfer', 'deployment', 'minion_pool')),
  project_id text not null,
  user_id text not null,
  instances text[] not null default '{}',
  -- The state of the execution that changed last, of any kind; null before the first.
  last_execution_state text,
  created_at timestamptz not null default now(),
  updated_at timestamptz,
  deleted_at timestamptz
);
create index actions_of_project on actions (project_id, kind, created_at) where deleted_at is null;

-- What is known of each machine of an action, gathered by the tasks: one sealed JSON object, merged key by key.
create table action_instances (
  action_id uuid not null references actions on delete cascade,
  instance text not null,
  position int not null,
  info bytea,
  primary key (action_id, instance)
);

create table executions (
  id uuid primary key,
  action_id uuid not null references actions on delete cascade,
  project_id text not null,
  user_id text not null,
  kind text not null,
  number int not null,
  state text not null check (state in (
    'awaiting_minions', 'running', 'cancelling', 'completed', 'failed', 'cancelled', 'deadlocked', 'kept_for_debugging', 'minions_failed')),
  cancel text not null default 'none' check (cancel in ('none', 'asked', 'forced')),
  -- Whether a task needs one of another instance: then a task's end is judged with all tasks at hand, else with those of its instance.
  spans_instances boolean not null default false,
  options jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz,
  ended_at timestamptz,
  deleted_at timestamptz,
  unique (action_id, number)
);
create index executions_ended on executions (ended_at) where ended_at is not null;
create index executions_active on executions (action_id) where ended_at is null;

create table tasks (
  id uuid primary key,
  execution_id uuid not null references executions on delete cascade,
  project_id text not null,
  instance text not null,
  type text not null,
  idx int not null,
  rule text not null check (rule in ('success', 'always', 'error')),
  depends_on uuid[] not null default '{}',
  is_barrier boolean not null default false,
  state text not null check (state in (
    'dormant', 'waiting', 'pending', 'running', 'syncing', 'cancelling', 'completed', 'completed_late', 'failed', 'cancelled', 'forced',
    'skipped', 'unplaced', 'kept', 'stranded')),
  reason text,
  options jsonb not null default '{}',
  -- What its worker must offer, all of them: [{platform, capability, regions}]; of the regions one must be the worker's, unless there are none.
  requires jsonb not null default '[]',
  -- Whose limits count its work.
  endpoints uuid[] not null default '{}',
  queue text not null,
  -- The job of the queue that stands for this task now; null while it waits for a free place under a limit.
  job_id uuid,
  -- Rises with each claim: the fencing token. A result of an older attempt is refused.
  attempt int not null default 0,
  retries int not null default 0,
  -- How often the worker died under it.
  crashes int not null default 0,
  worker_id uuid,
  host text,
  process_id int,
  pending_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz,
  unique (execution_id, idx)
);
create index tasks_of_instance on tasks (execution_id, instance, idx);
-- Small, as it holds only what is at work; an index more would cost each step more than it saves.
create index tasks_in_work on tasks (state, pending_at) where state in ('pending', 'running', 'syncing', 'cancelling');

create table task_progress (
  task_id uuid not null references tasks on delete cascade,
  idx int not null,
  id uuid not null,
  message text not null,
  current_step bigint not null default 0,
  total_steps bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz,
  primary key (task_id, idx)
);

create table task_events (
  task_id uuid not null references tasks on delete cascade,
  idx int not null,
  id uuid not null,
  level text not null check (level in ('INFO', 'WARNING', 'ERROR')),
  message text not null,
  created_at timestamptz not null default now(),
  primary key (task_id, idx)
);

-- Each kind of requirement is a queue of pg-boss; a worker fetches from those that it fits.
create table queues (
  name text primary key,
  requires jsonb not null,
  created_at timestamptz not null default now()
);

create table regions (
  id uuid primary key,
  name text not null,
  description text,
  enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz,
  deleted_at timestamptz
);

-- The services of the API: one row a worker host, kept when its process ends.
create table workers (
  id uuid primary key,
  host text not null,
  binary_name text not null,
  topic text not null,
  enabled boolean not null default true,
  -- platform -> {types: [capability numbers], schemas}
  providers jsonb not null default '{}',
  specs jsonb not null default '{}',
  beat_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz,
  deleted_at timestamptz
);
create unique index workers_by_host on workers (host, binary_name, topic) where deleted_at is null;

create table worker_regions (
  worker_id uuid not null references workers on delete cascade,
  region_id uuid not null references regions on delete cascade,
  primary key (worker_id, region_id)
);

-- What the API asks a provider through a worker. Rows live for seconds: an answer is deleted when it is read.
create table questions (
  id uuid primary key,
  project_id text not null,
  kind text not null,
  requires jsonb not null,
  body bytea,
  worker_id uuid,
  answer bytea,
  created_at timestamptz not null default now(),
  taken_at timestamptz
);
create index questions_open on questions (created_at) where worker_id is null;

create table script_runs (
  id uuid primary key,
  execution_id uuid not null references executions on delete cascade,
  task_id uuid references tasks on delete cascade,
  -- The attempt that ran it: when another one has the task, the script does not run any more, whatever its record says.
  task_attempt int,
  project_id text not null,
  instance text not null,
  record jsonb not null,
  -- How much each stream wrote in all; beyond 64 MiB only its first and last 32 MiB are kept.
  stdout_bytes bigint not null default 0,
  stderr_bytes bigint not null default 0,
  created_at timestamptz not null default now(),
  ended_at timestamptz
);
create index script_runs_of_execution on script_runs (execution_id, created_at);

create table script_output (
  script_run_id uuid not null references script_runs on delete cascade,
  stream text not null check (stream in ('stdout', 'stderr')),
  start_byte bigint not null,
  data bytea not null check (length(data) <= 262144),
  primary key (script_run_id, stream, start_byte)
);

-- seq is given by the first reader and not by the writer: rows get it in the order in which readers come to see them, under one lock a project,
-- so whoever has read seq n has missed no smaller one. A writer that numbered would make all commits of a project wait for each other.
create table events (
  id bigint generated always as identity primary key,
  project_id text not null,
  execution_id uuid references executions on delete cascade,
  seq bigint,
  at timestamptz not null default now(),
  body jsonb not null
);
create unique index events_of_project on events (project_id, seq) where seq is not null;
create index events_of_execution on events (execution_id, seq);
create index events_unnumbered on events (project_id, id) where seq is null;
create index events_by_age on events (at);

create table event_counters (
  project_id text primary key,
  seq bigint not null
);

-- A timetable fires once in a minute, whoever sees the minute first.
create table firings (
  timetable_id uuid not null,
  minute timestamptz not null,
  primary key (timetable_id, minute)
);
