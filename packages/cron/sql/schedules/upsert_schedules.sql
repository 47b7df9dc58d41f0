-- Adds schedules, or changes them to what is given. One that is paused stays paused.
--   p_schedules: array of objects { name, cron, timeZone, missed ('skip' | 'last' | 'all'), missedMax (0 | 1 | from 1),
--   graceMs, jobs and shared (what enqueue_jobs takes, for one job without keys); and, optional: slotField (the member of
--   the payload that is set to the slot's time) }.
--   Another expression or another zone makes the plan anew: open slots that are to come are taken back, and slots after
--   this moment wait to be planned. What is due already stays due.
--   Locks: the schedules, in the order of their names. Index: schedule (name), cron_slot (schedule, slot_at).
--   Answers: one row per schedule, in the order of their names: outcome created | changed | unchanged.
create or replace function :"schema".upsert_schedules(p_schedules jsonb) returns table (schedule text, outcome text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_new :"schema".schedule;
  v_old :"schema".schedule;
  v_is_new_plan boolean;
begin
  for v_new.name, v_new.cron, v_new.time_zone, v_new.missed, v_new.missed_max, v_new.grace_ms, v_new.job, v_new.slot_field in
    select g.name, g.cron, g."timeZone", g.missed, g."missedMax", g."graceMs", g.shared || (g.jobs -> 0), g."slotField"
    from jsonb_to_recordset(p_schedules) as g (
      name text, cron text, "timeZone" text, missed text, "missedMax" integer, "graceMs" bigint, jobs jsonb,
      shared jsonb, "slotField" text
    ) order by g.name
  loop
    schedule := v_new.name;
    outcome := 'created';
    insert into :"schema".schedule (
      name, cron, time_zone, missed, missed_max, grace_ms, job, slot_field, planned_until
    ) values (
      v_new.name, v_new.cron, v_new.time_zone, v_new.missed, v_new.missed_max, v_new.grace_ms, v_new.job,
      v_new.slot_field, v_now
    ) on conflict (name) do nothing;
    if not found then
      select * into v_old from :"schema".schedule as s where s.name = v_new.name for no key update;
      if not found then
        raise exception using errcode = '40001', message = 'upsert_schedules: a schedule was removed meanwhile; call again';
      end if;
      v_is_new_plan := (v_new.cron, v_new.time_zone) <> (v_old.cron, v_old.time_zone);
      outcome := case when v_is_new_plan or (v_new.missed, v_new.missed_max, v_new.grace_ms, v_new.job, v_new.slot_field)
        is distinct from (v_old.missed, v_old.missed_max, v_old.grace_ms, v_old.job, v_old.slot_field)
        then 'changed' else 'unchanged' end;
    end if;
    if outcome = 'changed' then
      update :"schema".schedule as s set
        cron = v_new.cron, time_zone = v_new.time_zone, missed = v_new.missed, missed_max = v_new.missed_max,
        grace_ms = v_new.grace_ms, job = v_new.job, slot_field = v_new.slot_field,
        planned_until = case when v_is_new_plan then v_now else s.planned_until end,
        revision = s.revision + 1
      where s.name = v_new.name;
      if v_is_new_plan then
        delete from :"schema".cron_slot as t
        where t.schedule = v_new.name and t.slot_at > v_now and t.consumed_at is null;
      end if;
    end if;
    return next;
  end loop;
end
$$;
