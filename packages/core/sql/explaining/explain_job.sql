-- Why a job is not running: one sentence per cause that holds at this moment. It names who or what is in the way and never
-- content. It changes and locks nothing, and sees one moment of the database.
--   Index: job (public_id), ready (job_id); see the functions it asks.
--   Answers: rows by place, from 1. The first cause is the one that decides now, the others would hold it up after that:
--   its own time, what is paused, who could run it, what it needs, limits, whose turn it is. At least one row.
--   cause: not_found | completed, failed, dead, cancelled | leased, held_alone, lease_expired | waits_signal,
--   waits_children, waits, wait_over | delayed, backing_off, outage_wait | paused | no_worker, workers_busy, runs_alone |
--   breaker_open, breaker_probing, resource_full, resource_slow | limit_full, rate_used_up | tenant_turn, waits_turn |
--   due (nothing holds it up).
--   blocker: the name of what is in the way: a code, a worker, a queue, a signal, a job; or null. until: when the cause
--   ends or is looked at again, where that is known.
create or replace function :"schema".explain_job(p_id uuid)
returns table (place integer, cause text, sentence text, blocker text, until timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := :"schema".clock();
  v_job :"schema".job;
  v_ready :"schema".ready;
  v_lane :"schema".lane;
begin
  select * into v_job from :"schema".job where public_id = p_id;
  if not found then
    return query select 1, 'not_found', 'There is no such job: it never was, or it ended so long ago that it was deleted.',
      null::text, null::timestamptz;
    return;
  end if;
  select * into v_ready from :"schema".ready where job_id = v_job.id;
  if not found then
    return query select 1, e.* from :"schema".explain_end(v_job.id) as e
      union all select 1, e.* from :"schema".explain_lease(v_job.id, v_now) as e
      union all select 1, e.* from :"schema".explain_wait(v_job.id, v_now) as e;
    return;
  end if;
  select * into strict v_lane from :"schema".lane where id = v_ready.lane_id;
  return query
    select row_number() over (order by c.step, c.number)::integer, c.cause, c.sentence, c.blocker, c.until
    from (
      select 1 as step, e.* from :"schema".explain_delay(v_ready, v_lane, v_now)
        with ordinality as e (cause, sentence, blocker, until, number)
      union all select 2, e.* from :"schema".explain_workers(v_job.id, v_lane, v_now) with ordinality as e
      union all select 3, e.* from :"schema".explain_resources(v_lane, v_now) with ordinality as e
      union all select 4, e.* from :"schema".explain_limits(v_lane, v_job.tenant, v_now) with ordinality as e
      union all select 5, e.* from :"schema".explain_turn(v_ready, v_lane, v_now) with ordinality as e
    ) as c;
  if not found then
    return query select 1, 'due', format(
        'Nothing holds it up: it is due since %s, and a worker takes it with its next look.', :"schema".say_time(v_ready.due_at)
      ), null::text, null::timestamptz;
  end if;
end
$$;
