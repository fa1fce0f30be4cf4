-- The worker inside which a machine lives, by the name of its host; null where machines live by themselves, and while it is off.
alter table minion_machines add column held_by text;
create index minion_machines_held on minion_machines (held_by) where held_by is not null;
