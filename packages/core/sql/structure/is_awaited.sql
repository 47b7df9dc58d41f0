-- Whether a job is the child of one that has not ended, and so may still ask how it fared. Private; see prune_jobs.
--   Index: child (job_id), then those of the parent by job_id.
create or replace function :"schema".is_awaited(p_job_id bigint) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
-- Turning plans off must not turn the compiler on.
set enable_seqscan = off set jit = off
as $$
  select exists (
    select from :"schema".child as c
    where c.job_id = p_job_id and (
      exists (select from :"schema".waiting as w where w.job_id = c.parent_id)
      or exists (select from :"schema".lease as l where l.job_id = c.parent_id)
      or exists (select from :"schema".ready as r where r.job_id = c.parent_id)
    )
  )
$$;
