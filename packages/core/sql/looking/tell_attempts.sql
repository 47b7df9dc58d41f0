-- The attempts of a job, with the one that runs. Private; see get_timeline.
--   Index: attempt (job_id, phase, attempt), lease (job_id).
--   Answers: a JSON array in order, the last 500.
create or replace function :"schema".tell_attempts(p_job_id bigint) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'phase', a.phase, 'attempt', a.attempt, 'outcome', a.outcome, 'code', a.code, 'worker', a.worker,
    'startedAt', a.started_at, 'finishedAt', a.finished_at
  ) order by a.finished_at, a.started_at, a.phase, a.attempt), '[]')
  from (
    select t.phase, t.attempt, t.outcome, t.code, t.worker, t.started_at, t.finished_at
    from :"schema".attempt as t where t.job_id = p_job_id
    union all
    select n.phase, l.attempt, null, null, l.worker, l.started_at, null
    from :"schema".lease as l join :"schema".lane as n on n.id = l.lane_id where l.job_id = p_job_id
    order by 7 desc nulls first, 6 desc limit 500
  ) as a
$$;
