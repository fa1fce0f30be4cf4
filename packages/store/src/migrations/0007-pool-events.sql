-- Events of minion pools, for those who follow them.
alter table events add column pool_id uuid references minion_pools on delete cascade;
create index events_of_pool on events (pool_id, seq) where pool_id is not null;
