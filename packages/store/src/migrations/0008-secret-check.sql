-- One value that the first process has sealed: a process whose keys do not open it has the keys of another database.
create table secret_check (one boolean primary key default true check (one), sealed bytea not null);
