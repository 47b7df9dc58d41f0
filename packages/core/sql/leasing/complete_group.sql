-- Completes those of a group whose lease is the caller's, all or none of them. Private; the caller catches what a hook
-- raises. In the words of sets, since jobs that do nothing wrong need not be looked at one by one.
--   Answers: the positions of the jobs that are completed now.
create or replace function :"schema".complete_group(
  p_job_ids bigint[], p_tokens uuid[], p_results jsonb
) returns integer[]
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
-- The plan must not depend on statistics, and turning plans off must not turn the compiler on.
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_places integer[];
  v_lanes integer[];
  v_type record;
begin
  with gone as (
    delete from :"schema".lease as l using unnest(p_job_ids, p_tokens) with ordinality as h (job_id, token, place)
    where l.job_id = h.job_id and l.token = h.token
    returning l.job_id, l.lane_id, l.attempt, l.token, l.worker, coalesce(l.started_at, v_now) as started_at,
      h.place::integer as place
  ), history as (
    insert into :"schema".attempt (job_id, phase, attempt, token, worker, started_at, finished_at, outcome)
    select g.job_id, n.phase, g.attempt, g.token, g.worker, g.started_at, v_now, 'completed'
    from gone as g join :"schema".lane as n on n.id = g.lane_id
  ), kept as (
    insert into :"schema".result (job_id, phase, part, attempt, output, provenance, saved_at)
    select g.job_id, n.phase, 0, g.attempt, r.result -> 'output', coalesce(r.result -> 'provenance', '{}'), v_now
    from gone as g
    cross join lateral (select p_results -> (g.place - 1) as result) as r
    join :"schema".lane as n on n.id = g.lane_id
    where r.result ? 'output'
    on conflict do nothing
  ), freed as (
    delete from :"schema".unique_key as u using gone as g where u.job_id = g.job_id
  )
  select coalesce(array_agg(g.place), '{}'), array_agg(g.lane_id) into v_places, v_lanes from gone as g;
  -- A table that was never written to has no pages: to know that costs none.
  if pg_relation_size($t$:"schema".slot$t$::regclass) > 0 then
    perform :"schema".free_slots(array(select p_job_ids[d.place] from unnest(v_places) as d (place)));
  end if;

  if cardinality(v_places) = 1 then
    -- Of one job it takes half of what all types take.
    perform :"schema".call_hook(
      p_job_ids[v_places[1]], n.type, 'leased', 'completed', n.phase, null, p_results -> (v_places[1] - 1) -> 'output'
    ) from :"schema".lane as n where n.id = v_lanes[1];
  else
    for v_type in
      select n.type, n.phase, t.hook, array_agg(j.public_id order by j.id) as ids,
        array_agg(p_results -> (d.place - 1) -> 'output' order by j.id) as outputs
      from unnest(v_places, v_lanes) as d (place, lane_id)
      join :"schema".lane as n on n.id = d.lane_id
      join :"schema".job_type as t on t.name = n.type and t.hook is not null
      join :"schema".job as j on j.id = p_job_ids[d.place]
      group by n.type, n.phase, t.hook
    loop
      -- As in call_hook, for many jobs at once.
      execute format(
        'select %s(d.id, $1, ''leased'', ''completed'', $2, null, d.output) from unnest($3, $4) as d (id, output)',
        v_type.hook
      ) using v_type.type, v_type.phase, v_type.ids, v_type.outputs;
    end loop;
  end if;
  -- Nearly always nobody is anybody's child.
  if pg_relation_size($t$:"schema".child$t$::regclass) > 0
    and exists (select from :"schema".child as c where c.job_id = any (p_job_ids))
  then
    perform :"schema".end_children(array(select p_job_ids[d.place] from unnest(v_places) as d (place)), 'completed');
  end if;
  return v_places;
end
$$;
