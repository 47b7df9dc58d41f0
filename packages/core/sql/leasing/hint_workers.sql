-- Wakes sleeping workers when the transaction commits. The message carries no data: polling is the truth, and one
-- channel for all schemas of a database only costs a sleeping worker a look.
create or replace function :"schema".hint_workers() returns void
language sql volatile set search_path = pg_catalog, pg_temp
as $$ select pg_notify('leasehold', '') $$;
