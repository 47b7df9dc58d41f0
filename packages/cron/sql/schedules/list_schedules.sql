-- The schedules, without what their jobs are given.
--   Index: cron_slot (schedule, slot_at).
--   Answers: one row per schedule, by name. next_slot_at: the first slot that is open.
create or replace function :"schema".list_schedules()
returns table (
  schedule text, cron text, time_zone text, missed text, missed_max integer, grace_ms bigint, type text, queue text,
  enabled boolean, planned_until timestamptz, next_slot_at timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select s.name, s.cron, s.time_zone, s.missed, s.missed_max, s.grace_ms, s.job ->> 'type',
    coalesce(s.job ->> 'queue', 'default'), s.enabled, s.planned_until, (
      select min(t.slot_at) from :"schema".cron_slot as t where t.schedule = s.name and t.consumed_at is null
    )
  from :"schema".schedule as s order by s.name
$$;
