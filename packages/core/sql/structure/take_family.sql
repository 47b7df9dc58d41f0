-- Takes the rows in which a job's children are counted, and it among its parent's, without waiting. For whoever ends one
-- job after the other in one transaction: he holds such rows already, and may not wait for more of them but newest first.
-- Private; see cancel_children, expire_jobs, lapse_leases.
--   Locks: those two rows, skipping what somebody else holds. Index: child (job_id), parent (job_id).
--   Answers: whether the caller holds all there are.
create or replace function :"schema".take_family(p_job_id bigint) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
-- The plan must not depend on statistics, and turning plans off must not turn the compiler on.
set enable_seqscan = off set jit = off
as $$
declare
  v_ids bigint[];
  v_taken integer;
begin
  -- A table that was never written to has no pages: to know that costs none.
  if pg_relation_size($t$:"schema".parent$t$::regclass) = 0 then
    return true;
  end if;
  v_ids := array(
    select p.job_id from :"schema".parent as p where p.job_id = any (array(
      select p_job_id union select c.parent_id from :"schema".child as c where c.job_id = p_job_id
    ))
  );
  perform from :"schema".parent where job_id = any (v_ids) for update skip locked;
  get diagnostics v_taken = row_count;
  return v_taken = cardinality(v_ids);
end
$$;
