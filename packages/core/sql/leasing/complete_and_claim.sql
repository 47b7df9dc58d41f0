-- Ends jobs well and leases others in one transaction: where jobs end one by one, the commit is most of what either costs.
-- Arguments and locks are those of complete_jobs and of claim_jobs_v2, the claim's last: it waits for nobody, so that
-- nobody who waits for what the completion holds is kept by it. Jobs that wait at gates are not claimed here, since
-- their claims wait for each other. A completion that has to wait for a lock is refused with 55P03: no slot stays empty
-- for that, and both are asked for by themselves.
--   Index: ready_gated, one probe; see complete_group and claim_plain.
--   Answers: the rows of complete_jobs, then those of the claim; instead of those one with the outcome `unclaimed` when
--   the caller has to ask for them by themselves.
create or replace function :"schema".complete_and_claim(
  p_job_ids bigint[], p_tokens uuid[], p_results jsonb, p_worker text, p_token uuid, p_lanes integer[],
  p_solo_lanes integer[], p_limit integer, p_lease_ms integer, p_marks jsonb
) returns table (
  places integer[], outcome text, state text, delay_ms integer, job_id bigint, public_id uuid, lane_id integer,
  attempt integer, solo boolean, payload jsonb, mark jsonb, trace text
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
-- The probe must be one of an index, whatever the statistics say, and turning plans off must not turn the compiler on.
set enable_seqscan = off set enable_bitmapscan = off set jit = off
set lock_timeout = '50ms'
as $$
begin
  return query
    select c.*, null::bigint, null::uuid, null::integer, null::integer, null::boolean, null::jsonb, null::jsonb, null::text
    from :"schema".complete_jobs(p_job_ids, p_tokens, p_results) as c;
  if exists (select from :"schema".ready as r where r.lane_id < 0) then
    places := null;
    outcome := 'unclaimed';
    return next;
    return;
  end if;
  if exists (select from :"schema".pause) then
    p_lanes := :"schema".open_lanes(p_lanes);
    p_solo_lanes := :"schema".open_lanes(p_solo_lanes);
  end if;
  return query
    select null::integer[], null::text, null::text, null::integer, c.*
    from :"schema".claim_plain(p_worker, p_token, p_lanes, p_solo_lanes, p_limit, p_lease_ms, p_marks) as c;
end
$$;
