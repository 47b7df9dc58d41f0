-- The job of a slot, as enqueue_jobs takes it. Private; see enqueue_cron_tasks.
--   The key stands for schedule and slot: the same slot again is the same job, whatever became of our own row of it.
create or replace function :"schema".slot_job(p_schedule :"schema".schedule, p_slot_at timestamptz) returns jsonb
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select p_schedule.job
    || jsonb_build_object('idempotencyKey', format('cron %s %s', p_schedule.name, t.slot))
    || case when p_schedule.slot_field is null then '{}' else jsonb_build_object(
      'payload', p_schedule.job -> 'payload' || jsonb_build_object(p_schedule.slot_field, t.slot)
    ) end
  from (select to_char(p_slot_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as slot) as t
$$;
