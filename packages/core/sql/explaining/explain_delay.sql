-- Why a queued job is not due. Private; see explain_job.
--   Index: job_counter (job_id, phase), attempt (job_id, phase, attempt), retry_policy (type, phase).
--   Answers: one row, of cause backing_off (a failure of its own), outage_wait (its backend was away) or delayed (somebody
--   wished it so); none when it is due.
create or replace function :"schema".explain_delay(p_ready :"schema".ready, p_lane :"schema".lane, p_now timestamptz)
returns table (cause text, sentence text, blocker text, until timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select d.cause,
    case d.cause
      when 'backing_off' then format(
        'Its phase %s failed with the code %s: it is tried again at %s, after failure %s; failure %s makes it dead.',
        p_lane.phase, d.code, d.due, d.failures, d.retries_max + 1
      )
      when 'outage_wait' then format(
        'What its phase %s needs was away, with the code %s: it is tried again at %s, after outage %s, and nothing is charged.',
        p_lane.phase, d.code, d.due, d.outages
      )
      else format('It is not due before %s.', d.due)
    end,
    case when d.cause <> 'delayed' then d.code end, p_ready.due_at
  from (
    -- A new start on somebody's order begins the counters anew.
    select a.code, c.failures, c.outages, coalesce(p.retries_max, t.retries_max) as retries_max,
      :"schema".say_time(p_ready.due_at) as due,
      case when a.outcome in ('retried', 'effect_failed') and c.failures > 0 then 'backing_off'
        when a.outcome = 'released' and c.outages > 0 and a.code = c.last_code then 'outage_wait'
        else 'delayed' end as cause
    from :"schema".job_type as t
    left join :"schema".retry_policy as p on p.type = t.name and p.phase = p_lane.phase
    left join :"schema".job_counter as c on c.job_id = p_ready.job_id and c.phase = p_lane.phase
    left join lateral (
      select o.outcome, o.code from :"schema".attempt as o
      where o.job_id = p_ready.job_id and o.phase = p_lane.phase order by o.attempt desc limit 1
    ) as a on true
    where t.name = p_lane.type and p_ready.due_at > p_now
  ) as d
$$;
