-- All that is known of one job, without content: its phases, its attempts, what it was told, whose child it is.
--   Index: job (public_id), attempt, result, job_counter, signal (job_id), child (parent_id, job_id).
--   Answers: one row, or none when there is no such job. phases: array, in the order they came, of { phase, attempts,
--   failures, losses, outages, code, parts, savedAt, isSkipped, provenance }. attempts: array, the last 500 in order, of
--   { phase, attempt, outcome (null: it runs), code, worker, startedAt, finishedAt }. signals: array of { name, at, isLate }.
--   children: array of { id, type, state (null: it has not ended) }, the first 100; open_children, failed_children: how
--   many of all.
create or replace function :"schema".get_timeline(p_id uuid)
returns table (
  id uuid, type text, version smallint, queue text, priority smallint, state text, phase text, attempt integer, code text,
  worker text, created_at timestamptz, due_at timestamptz, leased_until timestamptz, finished_at timestamptz,
  start_by timestamptz, end_by timestamptz, waiting_reason text, waiting_name text, wake_at timestamptz, parent uuid,
  open_children integer, failed_children integer, phases jsonb, attempts jsonb, signals jsonb, children jsonb
)
language sql stable security definer set search_path = pg_catalog, pg_temp
set enable_seqscan = off set jit = off
as $$
  select o.id, o.type, o.version, o.queue, o.priority, o.state, o.phase, o.attempt, o.code,
    coalesce(o.worker, (
      select t.worker from :"schema".attempt as t where t.job_id = j.id order by t.finished_at desc, t.attempt desc limit 1
    )),
    o.created_at, o.due_at, o.leased_until, o.finished_at, e.start_by, e.end_by, o.waiting_reason, o.waiting_name, o.wake_at,
    (select m.public_id from :"schema".child as c join :"schema".job as m on m.id = c.parent_id where c.job_id = j.id),
    coalesce(p.open, 0), coalesce(p.failed, 0), h.phases, t.attempts,
    coalesce((
      select jsonb_agg(jsonb_build_object('name', s.name, 'at', s.at, 'isLate', s.payload is null) order by s.at, s.name)
      from :"schema".signal as s where s.job_id = j.id
    ), '[]'),
    coalesce((
      select jsonb_agg(jsonb_build_object('id', k.public_id, 'type', k.type, 'state', k.state) order by k.job_id)
      from (
        select c.job_id, d.public_id, d.type, c.state from :"schema".child as c join :"schema".job as d on d.id = c.job_id
        where c.parent_id = j.id order by c.job_id limit 100
      ) as k
    ), '[]')
  from :"schema".job as j
  -- Job by job: with the bound, the planner cannot begin with all there are.
  cross join lateral (select v.* from :"schema".job_overview as v where v.id = j.public_id limit 1) as o
  left join :"schema".expiry as e on e.job_id = j.id
  left join :"schema".parent as p on p.job_id = j.id
  cross join lateral :"schema".tell_phases(j.id) as h (phases)
  cross join lateral :"schema".tell_attempts(j.id) as t (attempts)
  where j.public_id = p_id
$$;
