-- The one clock of the queue. Only a test schema replaces it.
create or replace function :"schema".clock() returns timestamptz
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select clock_timestamp() $$;
