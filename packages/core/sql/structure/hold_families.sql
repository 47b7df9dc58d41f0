-- Takes the rows in which jobs' children are counted, and they among their parents', newest first as everybody does who
-- waits for several. Private; for whoever then ends or reopens many jobs in an order of their own: see complete_jobs,
-- requeue_jobs, forget_jobs.
--   Locks: those rows. Nobody who holds one waits for a job's, so the caller holds what he needs of these already.
--   Index: child (job_id), parent (job_id).
create or replace function :"schema".hold_families(p_job_ids bigint[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
-- The plan must not depend on statistics, and turning plans off must not turn the compiler on.
set enable_seqscan = off set jit = off
as $$
begin
  -- A table that was never written to has no pages: to know that costs none.
  if pg_relation_size($t$:"schema".parent$t$::regclass) = 0 then
    return;
  end if;
  perform from :"schema".parent where job_id = any (array(
    select h.id from unnest(p_job_ids) as h (id)
    union select c.parent_id from :"schema".child as c where c.job_id = any (p_job_ids)
  )) order by job_id desc for update;
end
$$;
