-- The built-in identity service. Ids are 32 hex digits, as Keystone's.

create table projects (
  id text primary key check (id ~ '^[0-9a-f]{32}$'),
  name text not null unique,
  description text not null default '',
  enabled boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz
);

create table users (
  id text primary key check (id ~ '^[0-9a-f]{32}$'),
  name text not null unique,
  -- scrypt with its settings and salt
  password_hash text not null,
  email text,
  description text not null default '',
  enabled boolean not null default true,
  default_project_id text references projects on delete set null,
  created_at timestamptz not null default now(),
  updated_at timestamptz
);

create table role_assignments (
  user_id text not null references users on delete cascade,
  project_id text not null references projects on delete cascade,
  role text not null check (role in ('reader', 'member', 'admin')),
  primary key (user_id, project_id, role)
);
create index role_assignments_project on role_assignments (project_id);

create table tokens (
  -- SHA-256 of the token: who reads the table cannot log in
  hash bytea primary key,
  user_id text not null references users on delete cascade,
  project_id text references projects on delete cascade,
  methods text[] not null,
  audit_id text not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null
);
create index tokens_user on tokens (user_id);
create index tokens_expires on tokens (expires_at);

create table login_failures (
  -- user, address, or both
  key text primary key,
  failures integer not null,
  -- the start of the minute or so in which they are counted
  since timestamptz not null
);
