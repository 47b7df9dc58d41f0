-- The clock of a test schema: the true time, moved by as much as the test said. Time itself goes on.
create or replace function :"schema".clock() returns timestamptz
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$ select clock_timestamp() + offset_ms * interval '1 millisecond' from :"schema".test_clock $$;
