-- Tells a worker the numbers of the lanes it can run, one pair per phase.
--   Answers: phase, lane_id, solo_lane_id, in the order of p_phases.
create or replace function :"schema".declare_lanes(
  p_queue text, p_type text, p_version smallint, p_phases text[]
) returns table (phase text, lane_id integer, solo_lane_id integer)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  select p.name, :"schema".find_lane(p_queue, p_type, p_version, p.name, false),
    :"schema".find_lane(p_queue, p_type, p_version, p.name, true)
  from unnest(p_phases) with ordinality as p (name, ordinal) order by p.ordinal
$$;
