-- Tells which lanes have jobs that are due, and for how long the first of each has been. It takes and locks nothing,
-- and does not look at lanes that are paused.
--   Index: ready (lane_id, priority, due_at, job_id); see peek_gates.
--   Answers: one row per lane with a due job, the longest wait first.
create or replace function :"schema".peek_lanes(p_lanes integer[])
returns table (lane_id integer, waited_ms bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
-- As claim_jobs.
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := :"schema".clock();
begin
  if exists (select from :"schema".pause) then
    p_lanes := :"schema".open_lanes(p_lanes);
  end if;
  return query
    select h.lane_id, (extract(epoch from v_now - min(h.due_at)) * 1000)::bigint
    from (
      select n.lane_id, head.due_at from unnest(p_lanes) as n (lane_id)
      cross join generate_series(0, 9) as p (priority)
      cross join lateral (
        select r.due_at from :"schema".ready as r
        where r.lane_id = n.lane_id and r.priority = p.priority and r.due_at <= v_now
        order by r.due_at, r.job_id limit 1
      ) as head
      union all
      select g.lane_id, g.due_at from :"schema".peek_gates(p_lanes, v_now) as g
    ) as h
    group by h.lane_id order by min(h.due_at);
end
$$;
