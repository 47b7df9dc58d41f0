-- Leases gated jobs whose turn it is, within all their limits. Private; see claim_jobs_v2.
--   p_lanes: plain lanes, of which none is paused. p_solo: they are solo twins; the jobs are held and not started.
--   Locks: the gates of these lanes until the transaction ends (see lock_gates), and the claimed ready rows, skipping
--   those that somebody is about to cancel. Where no job waits, nothing.
--   Index: ready_gated (lane_id, tenant, due_at), ready (job_id); see choose_gated.
--   Answers: as claim_jobs_v2, without marks.
create or replace function :"schema".claim_gated(
  p_worker text, p_token uuid, p_lanes integer[], p_solo boolean, p_limit integer, p_lease_ms integer
) returns table (
  job_id bigint, public_id uuid, lane_id integer, attempt integer, solo boolean, payload jsonb, mark jsonb,
  trace text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
-- The plan must not depend on statistics, and turning plans off must not turn the compiler on.
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  v_lanes integer[] := array(
    -- With a limit, so that it stays a probe for each lane.
    select n.lane_id from unnest(p_lanes) as n (lane_id) cross join lateral (
      select from :"schema".ready as r where r.lane_id = -n.lane_id and r.lane_id < 0 limit 1
    ) as w
  );
  v_now timestamptz;
  v_chosen bigint[];
  v_taken bigint[];
  v_all bigint[] := '{}';
begin
  if p_limit < 1 or cardinality(v_lanes) = 0 then
    return;
  end if;
  perform :"schema".lock_gates(v_lanes);
  while cardinality(v_all) < p_limit loop
    v_now := :"schema".clock();
    -- More at once would look closely at more tenants, each with more jobs.
    v_chosen := array(
      select c.job_id from :"schema".choose_gated(v_lanes, least(p_limit - cardinality(v_all), 50), v_now) as c
    );
    -- Once more, so that each start comes after every end that made room for it.
    v_now := :"schema".clock();
    with taken as (
      delete from :"schema".ready as r where r.job_id = any (array(
        select q.job_id from :"schema".ready as q
        -- Since it was chosen it may have become another job, of another time.
        where q.job_id = any (v_chosen) and -q.lane_id = any (v_lanes) and q.due_at <= v_now for update skip locked
      ))
      returning r.job_id, -r.lane_id as lane_id, r.priority, r.attempt
    ), leased as (
      insert into :"schema".lease as e
        (job_id, token, worker, lane_id, priority, attempt, solo, lease_ms, leased_at, started_at, until)
      select t.job_id, p_token, p_worker, t.lane_id, t.priority, t.attempt + 1, p_solo, p_lease_ms, v_now,
        case when not p_solo then v_now end, v_now + p_lease_ms * interval '1 millisecond'
      from taken as t
      returning e.job_id
    )
    select array_agg(l.job_id) into v_taken from leased as l;
    exit when v_taken is null;
    perform :"schema".count_starts(v_taken, v_now);
    v_all := v_all || array(
      select c.id from unnest(v_chosen) with ordinality as c (id, place) where c.id = any (v_taken) order by c.place
    );
  end loop;
  return query
    select j.id, j.public_id, e.lane_id, e.attempt, p_solo, j.payload, null::jsonb, j.trace
    from unnest(v_all) with ordinality as a (id, place)
    join :"schema".lease as e on e.job_id = a.id
    join :"schema".job as j on j.id = a.id order by a.place;
end
$$;
