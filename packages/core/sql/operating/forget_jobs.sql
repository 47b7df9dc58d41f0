-- Deletes jobs that have ended, with all that hangs on them: attempts, results, counters, bounds, signals, keys. Private; the
-- caller holds what keeps them from starting anew.
create or replace function :"schema".forget_jobs(p_job_ids bigint[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
-- Turning plans off must not turn the compiler on.
set enable_seqscan = off set jit = off
as $$
begin
  perform :"schema".hold_families(p_job_ids);
  delete from :"schema".attempt where job_id = any (p_job_ids);
  delete from :"schema".result where job_id = any (p_job_ids);
  delete from :"schema".job_counter where job_id = any (p_job_ids);
  delete from :"schema".expiry where job_id = any (p_job_ids);
  delete from :"schema".signal where job_id = any (p_job_ids);
  delete from :"schema".child where job_id = any (p_job_ids);
  delete from :"schema".parent where job_id = any (p_job_ids);
  delete from :"schema".lease_progress where job_id = any (p_job_ids);
  delete from :"schema".stopped where job_id = any (p_job_ids);
  delete from :"schema".job where id = any (p_job_ids);
end
$$;
