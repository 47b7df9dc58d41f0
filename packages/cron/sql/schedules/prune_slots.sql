-- Forgets slots that were consumed long ago.
--   p_keep_ms: slots younger than this stay. p_limit: at most so many of each schedule in one call.
--   Locks: the rows that go. Index: cron_slot (schedule, slot_at).
--   Answers: how many went.
create or replace function :"schema".prune_slots(p_keep_ms bigint, p_limit integer default 1000) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_before timestamptz := :"schema".clock() - p_keep_ms * interval '1 millisecond';
  v_ct integer;
begin
  with old as materialized (
    select o.schedule, o.slot_at from :"schema".schedule as s cross join lateral (
      select t.schedule, t.slot_at from :"schema".cron_slot as t
      where t.schedule = s.name and t.slot_at < v_before and t.consumed_at is not null
      order by t.slot_at limit p_limit
    ) as o
  )
  delete from :"schema".cron_slot as t using old where t.schedule = old.schedule and t.slot_at = old.slot_at;
  get diagnostics v_ct = row_count;
  return v_ct;
end
$$;
