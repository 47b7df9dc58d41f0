-- Consumes slots that are due: enqueues the job of each that its schedule's policy wants one for, in the same
-- transaction. To be called about once a minute, by any number of workers, from psql or by pg_cron.
--   A slot is on time until its grace is over, and then gets its job whatever the policy says. After that it is missed:
--   `skip` passes it over; `last` passes it over unless it is the newest slot that is due; `all` passes it over unless
--   it is among the newest missed_max missed slots. Jobs are enqueued in the order of their slots, and due at once.
--   p_limit: slots looked at in one call, oldest first.
--   Locks: those slots; others skip them. Index: cron_slot_open, cron_slot (schedule, slot_at).
--   Answers: how many jobs it enqueued. A job that Postgres refuses, for a template that cannot be right, is written
--   down as `failed` with its SQLSTATE, and its neighbours go on; when the server is in trouble nothing happened.
create or replace function :"schema".enqueue_cron_tasks(p_limit integer default 1000) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_slot :"schema".cron_slot;
  v_schedule :"schema".schedule;
  v_on_time_from timestamptz;
  v_is_wanted boolean;
  v_ct integer := 0;
begin
  for v_slot in
    select * from :"schema".cron_slot as t
    where t.consumed_at is null and t.slot_at <= v_now
    order by t.slot_at, t.schedule limit p_limit for update skip locked
  loop
    select * into strict v_schedule from :"schema".schedule where name = v_slot.schedule;
    v_on_time_from := v_now - v_schedule.grace_ms * interval '1 millisecond';
    v_slot.outcome := 'passed';
    -- Slots that others consumed count as well: what is newer is newer, whoever saw to it.
    v_is_wanted := v_slot.slot_at >= v_on_time_from or case v_schedule.missed
      when 'last' then not exists (
        select from :"schema".cron_slot as t
        where t.schedule = v_slot.schedule and t.slot_at > v_slot.slot_at and t.slot_at <= v_now
      )
      when 'all' then v_schedule.missed_max > (
        select count(*) from (
          select from :"schema".cron_slot as t
          where t.schedule = v_slot.schedule and t.slot_at > v_slot.slot_at and t.slot_at < v_on_time_from
          limit v_schedule.missed_max
        ) as newer
      )
      else false
    end;
    if v_is_wanted then
      begin
        select e.id into strict v_slot.job_id
        from :"schema".enqueue_jobs(jsonb_build_array(:"schema".slot_job(v_schedule, v_slot.slot_at))) as e;
        v_slot.outcome := 'enqueued';
        v_ct := v_ct + 1;
      exception when others then
        if :"schema".is_server_trouble(sqlstate) then
          raise;
        end if;
        v_slot.outcome := 'failed';
        v_slot.code := sqlstate;
      end;
    end if;
    update :"schema".cron_slot set
      consumed_at = v_now, outcome = v_slot.outcome, code = v_slot.code, job_id = v_slot.job_id
    where schedule = v_slot.schedule and slot_at = v_slot.slot_at;
  end loop;
  return v_ct;
end
$$;
