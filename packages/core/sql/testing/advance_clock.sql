-- Moves the clock of a test schema, and wakes sleeping workers: what became due is due now.
--   p_ms: how far, in milliseconds; below 0 it goes back.
--   Locks: the one row. Answers: the offset from the true time since.
create or replace function :"schema".advance_clock(p_ms bigint) returns bigint
language plpgsql volatile set search_path = pg_catalog, pg_temp
as $$
declare
  v_offset_ms bigint;
begin
  update :"schema".test_clock set offset_ms = offset_ms + p_ms returning offset_ms into strict v_offset_ms;
  perform :"schema".hint_workers();
  return v_offset_ms;
end
$$;
