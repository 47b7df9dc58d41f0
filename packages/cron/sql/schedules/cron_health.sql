-- How the schedules fare, for people and probes.
--   Index: cron_slot (schedule, slot_at).
--   Answers: one row per schedule, by name. last_slot_at: the last slot that was planned. planned_hours: how far ahead
--   slots are complete. overdue_ct: slots that were due a minute ago and that nobody consumed. failed_ct: jobs of the
--   last 24 hours that Postgres refused. warning: slots_overdue (nobody calls enqueue_cron_tasks), slots_low (for under
--   24 hours; nobody plans), slots_failed (the template cannot be right), or null.
create or replace function :"schema".cron_health()
returns table (
  schedule text, enabled boolean, last_slot_at timestamptz, next_slot_at timestamptz, planned_hours double precision,
  overdue_ct integer, failed_ct integer, warning text
)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  select h.name, h.enabled, h.last_slot_at, h.next_slot_at, h.planned_hours, h.overdue_ct, h.failed_ct,
    case when not h.enabled then null when h.overdue_ct > 0 then 'slots_overdue'
      when h.planned_hours < 24 then 'slots_low' when h.failed_ct > 0 then 'slots_failed' end
  from (
    select s.name, s.enabled,
      (select max(t.slot_at) from :"schema".cron_slot as t where t.schedule = s.name) as last_slot_at,
      (
        select min(t.slot_at) from :"schema".cron_slot as t where t.schedule = s.name and t.consumed_at is null
      ) as next_slot_at,
      greatest(extract(epoch from s.planned_until - c.now), 0)::double precision / 3600 as planned_hours,
      (
        select count(*)::integer from :"schema".cron_slot as t
        where t.schedule = s.name and t.consumed_at is null and t.slot_at < c.now - interval '1 minute'
      ) as overdue_ct,
      (
        select count(*)::integer from :"schema".cron_slot as t
        where t.schedule = s.name and t.slot_at > c.now - interval '24 hours' and t.outcome = 'failed'
      ) as failed_ct
    from (select :"schema".clock() as now) as c cross join :"schema".schedule as s
  ) as h order by h.name
$$;
