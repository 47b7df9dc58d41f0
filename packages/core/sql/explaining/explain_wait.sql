-- What a job waits for beside its time. Private; see explain_job.
--   Index: waiting (job_id), child (parent_id, job_id).
--   Answers: one row, of cause waits_signal, waits_children, waits (for something else) or wait_over (a worker's next round
--   wakes it); none when it does not wait so.
create or replace function :"schema".explain_wait(p_job_id bigint, p_now timestamptz)
returns table (cause text, sentence text, blocker text, until timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select
    case when c.is_over then 'wait_over' else c.cause end,
    format('Its phase %s waits since %s for %s', n.phase, :"schema".say_time(w.since), c.words)
      || case when c.is_over then ', which is over: the next round of a worker wakes it.'
        else coalesce(', until ' || :"schema".say_time(w.wake_at) || ' at the latest', '') || '.' end,
    c.blocker, w.wake_at
  from :"schema".waiting as w
  join :"schema".lane as n on n.id = w.lane_id
  cross join lateral (
    select count(*) as ct, count(*) filter (where k.state is not null) as ended,
      min(k.job_id) filter (where k.state is null) as open_id
    from :"schema".child as k where w.reason = 'children' and k.parent_id = w.job_id
  ) as k
  cross join lateral (
    select
      case when w.reason in ('signal', 'children') then 'waits_' || w.reason else 'waits' end as cause,
      case w.reason when 'signal' then format('the signal %s', w.name)
        when 'children' then format('its children, of whom %s of %s have ended', k.ended, k.ct) else w.reason end as words,
      case w.reason when 'signal' then w.name
        when 'children' then (select j.public_id::text from :"schema".job as j where j.id = k.open_id)
        else w.reason end as blocker,
      coalesce(w.wake_at <= p_now, false) or (w.reason = 'children' and k.open_id is null) as is_over
  ) as c
  where w.job_id = p_job_id
$$;
