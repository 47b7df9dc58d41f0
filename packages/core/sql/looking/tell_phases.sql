-- The phases that a job came to, with what went wrong in each and where its result comes from. Private; see get_timeline.
--   Index: attempt, job_counter, result (job_id, phase), ready, lease, waiting (job_id).
--   Answers: a JSON array in the order they came.
create or replace function :"schema".tell_phases(p_job_id bigint) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  with seen as (
    select r.phase, min(r.saved_at) as at from :"schema".result as r where r.job_id = p_job_id group by r.phase
    union all
    select a.phase, min(a.started_at) from :"schema".attempt as a where a.job_id = p_job_id group by a.phase
    union all
    select n.phase, 'infinity' from (
      select l.lane_id from :"schema".lease as l where l.job_id = p_job_id
      union all select r.lane_id from :"schema".ready as r where r.job_id = p_job_id
      union all select w.lane_id from :"schema".waiting as w where w.job_id = p_job_id
    ) as v join :"schema".lane as n on n.id = v.lane_id
    union all
    select s.phase, s.finished_at from :"schema".stopped as s where s.job_id = p_job_id
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'phase', p.phase, 'attempts', t.ct, 'failures', coalesce(c.failures, 0), 'losses', coalesce(c.losses, 0),
    'outages', coalesce(c.outages, 0), 'code', coalesce(e.code, c.last_code), 'parts', q.ct, 'savedAt', r.saved_at,
    'isSkipped', coalesce(r.attempt = 0, false), 'provenance', r.provenance
  ) order by p.at, p.phase), '[]')
  from (select s.phase, min(s.at) as at from seen as s group by s.phase) as p
  left join :"schema".job_counter as c on c.job_id = p_job_id and c.phase = p.phase
  left join :"schema".stopped as e on e.job_id = p_job_id and e.phase = p.phase
  left join :"schema".result as r on r.job_id = p_job_id and r.phase = p.phase and r.part = 0
  cross join lateral (
    select count(*) as ct from :"schema".attempt as a where a.job_id = p_job_id and a.phase = p.phase
  ) as t
  cross join lateral (
    select count(*) as ct from :"schema".result as s where s.job_id = p_job_id and s.phase = p.phase and s.part > 0
  ) as q
$$;
