-- Where a job is and what it went through, without content.
--   Index: job (public_id).
--   Answers: one row as in job_overview, with the ended attempts as a JSON array in order, and what it waits for; none
--   when there is no such job.
create or replace function :"schema".get_job_v2(p_id uuid)
returns table (
  id uuid, type text, queue text, state text, phase text, attempt integer, code text, message text,
  failures integer, losses integer, outages integer, created_at timestamptz, due_at timestamptz,
  finished_at timestamptz, attempts jsonb, waiting_reason text, waiting_name text, wake_at timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select o.id, o.type, o.queue, o.state, o.phase, o.attempt, o.code, o.message,
    o.failures::integer, o.losses::integer, o.outages::integer, o.created_at, o.due_at, o.finished_at,
    coalesce((
      select jsonb_agg(jsonb_build_object(
        'phase', a.phase, 'attempt', a.attempt, 'outcome', a.outcome, 'code', a.code,
        'ms', round(extract(epoch from a.finished_at - a.started_at) * 1000)
      ) order by a.started_at, a.phase, a.attempt)
      from :"schema".job as j join :"schema".attempt as a on a.job_id = j.id where j.public_id = p_id
    ), '[]'),
    o.waiting_reason, o.waiting_name, o.wake_at
  from :"schema".job_overview as o where o.id = p_id
$$;
