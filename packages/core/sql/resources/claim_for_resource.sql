-- Leases due jobs of lanes that need a resource: as claim_jobs, but no more than the resource bears. Nothing while its
-- breaker is open, one job when somebody must look whether it is back, and never more at once than its concurrency and
-- its slow start leave. It is counted under the lock of its row.
--   p_resource: made when it is met for the first time. The others: see claim_jobs.
--   Locks: the resource's row, if there is something to take or to write; then as claim_jobs. Index: resource (name),
--   lease (resource), and those of claim_jobs.
--   Answers: one row per leased job, and then one without a job, which alone says how the resource is: state (closed |
--   open | half_open), its code, wait_ms until it is worth asking again, and the places that are left (null: no bound).
create or replace function :"schema".claim_for_resource(
  p_resource text, p_worker text, p_token uuid, p_lanes integer[], p_solo_lanes integer[], p_limit integer,
  p_lease_ms integer, p_marks jsonb default '{}'
) returns table (
  state text, code text, wait_ms integer, places integer,
  job_id bigint, public_id uuid, lane_id integer, attempt integer, solo boolean, payload jsonb, mark jsonb,
  trace text
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
-- As claim_jobs.
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_resource :"schema".resource;
  v_weight record;
  v_job record;
  v_ids bigint[] := '{}';
begin
  select * into v_resource from :"schema".resource as r where r.name = p_resource;
  if not found then
    perform :"schema".declare_resource(p_resource, null);
    select * into strict v_resource from :"schema".resource as r where r.name = p_resource;
  end if;
  select * into strict v_weight from :"schema".weigh_resource(v_resource, v_now);
  -- Whoever gets nothing leaves nothing behind: not even a lock, which is a write.
  if v_weight.state <> v_resource.state
    or (v_weight.places is distinct from 0 and exists (select from :"schema".peek_lanes(p_lanes || p_solo_lanes)))
  then
    select * into strict v_resource from :"schema".resource as r where r.name = p_resource for no key update;
    v_now := :"schema".clock();
    select * into strict v_weight from :"schema".weigh_resource(v_resource, v_now);
    if v_weight.state <> v_resource.state then
      update :"schema".resource as r
      set state = 'closed', code = null, slow_since = v_now, changed_at = v_now, probe_job_id = null, probe_token = null
      where r.name = p_resource;
      v_resource.code := null;
    end if;
    for v_job in
      select c.* from :"schema".claim_jobs_v2(
        p_worker, p_token, p_lanes, p_solo_lanes, least(p_limit, v_weight.places), p_lease_ms, p_marks
      ) as c
    loop
      v_ids := v_ids || v_job.job_id;
      job_id := v_job.job_id;
      public_id := v_job.public_id;
      lane_id := v_job.lane_id;
      attempt := v_job.attempt;
      solo := v_job.solo;
      payload := v_job.payload;
      mark := v_job.mark;
      trace := v_job.trace;
      return next;
    end loop;
    update :"schema".lease as l set resource = p_resource where l.job_id = any (v_ids);
    if v_weight.state <> 'closed' and cardinality(v_ids) = 1 then
      v_weight.state := 'half_open';
      v_weight.wait_ms := 5000;
      update :"schema".resource as r
      set state = 'half_open', open_until = null, probe_job_id = v_ids[1], probe_token = p_token, probed_at = v_now,
        changed_at = v_now
      where r.name = p_resource;
    end if;
  end if;
  return query
    select v_weight.state, v_resource.code, v_weight.wait_ms, v_weight.places - cardinality(v_ids), null::bigint,
      null::uuid, null::integer, null::integer, null::boolean, null::jsonb, null::jsonb, null::text;
end
$$;
