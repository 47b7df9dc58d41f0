-- As claim_jobs_v2, for workers of the versions before it, who know nothing of traces.
create or replace function :"schema".claim_jobs(
  p_worker text, p_token uuid, p_lanes integer[], p_solo_lanes integer[], p_limit integer, p_lease_ms integer,
  p_marks jsonb default '{}'
) returns table (
  job_id bigint, public_id uuid, lane_id integer, attempt integer, solo boolean, payload jsonb, mark jsonb
)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  select c.job_id, c.public_id, c.lane_id, c.attempt, c.solo, c.payload, c.mark
  from :"schema".claim_jobs_v2(p_worker, p_token, p_lanes, p_solo_lanes, p_limit, p_lease_ms, p_marks) as c
$$;
