-- Deletes what was told of leases that are gone. Private; lapse_leases calls it.
--   p_limit: rows in one call; more are left to the next. A renewal may be writing one of them: it is skipped.
--   Locks: the swept rows. Reads the table once: it has at most one row per job that ran for long.
create or replace function :"schema".sweep_progress(p_limit integer default 1000) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  with stale as materialized (
    select p.job_id, p.token from :"schema".lease_progress as p
    where not exists (select from :"schema".lease as l where l.job_id = p.job_id and l.token = p.token)
    limit p_limit
  ), free as materialized (
    -- The token again: the job may be leased anew, and have told something, since we looked.
    select p.job_id from :"schema".lease_progress as p
    join stale as s on s.job_id = p.job_id and s.token = p.token
    for update of p skip locked
  )
  delete from :"schema".lease_progress as p using free as f where p.job_id = f.job_id
$$;
