-- The schedules whose slots have to be written further, for a program that reads cron expressions.
--   p_ahead_ms: how far ahead slots are wanted. p_slack_ms: how much may be missing before it is worth a call.
--   Locks: nothing.
--   Answers: what plan_slots takes, and for whom. Slots are wanted after planned_until and up to plan_until. Where
--   nobody planned for so long that slots were missed unplanned, they are wanted after on_time_from, and of those before
--   it the newest missed_max: no policy has a use for more.
create or replace function :"schema".list_unplanned(p_ahead_ms bigint, p_slack_ms bigint)
returns table (
  schedule text, revision integer, cron text, time_zone text, missed_max integer, planned_until timestamptz,
  on_time_from timestamptz, plan_until timestamptz
)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  select s.name, s.revision, s.cron, s.time_zone, s.missed_max, s.planned_until,
    greatest(s.planned_until, date_trunc('milliseconds', t.now - s.grace_ms * interval '1 millisecond')),
    date_trunc('milliseconds', t.now + p_ahead_ms * interval '1 millisecond')
  from (select :"schema".clock() as now) as t cross join :"schema".schedule as s
  where s.enabled and s.planned_until < t.now + (p_ahead_ms - p_slack_ms) * interval '1 millisecond'
  order by s.planned_until, s.name
$$;
