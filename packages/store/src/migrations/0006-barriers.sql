-- Whether a barrier is still closed, in a transfer of any number of machines. Holds no task of a transfer of one.
create index tasks_at_barrier on tasks (execution_id, type, state) where is_barrier;
