-- What a pool is on its way to, while tasks that stand against it are still ending; null = nothing.
alter table minion_pools add column goal text check (goal in ('deallocated'));

-- For whom a machine is reserved or in use: an execution, the machine of its transfer, and what the minion does for it.
alter table minion_machines add column reserved_for uuid;
alter table minion_machines add column instance text;
alter table minion_machines add column role text check (role in ('origin', 'destination', 'osmorphing'));
create index minion_machines_reserved on minion_machines (reserved_for) where reserved_for is not null;
create index minion_pools_allocated on minion_pools (refreshed_at) where status = 'ALLOCATED';
