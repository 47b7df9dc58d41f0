-- Whether a job that is dead or failed died of something that was down, as far as its row can tell. Private.
--   Outages themselves charge nobody. But an adapter may have called one a failure of the job's own, with a code that
--   tells of the backend; and a job whose time was over may have spent it waiting for a backend.
create or replace function :"schema".is_outage_victim(p_job_id bigint, p_code text) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select p_code in ('backend_busy', 'backend_failed', 'backend_timeout', 'backend_unreachable', 'database_unavailable')
    or p_code in ('expired', 'deadline_exceeded') and exists (
      select from :"schema".job_counter as c where c.job_id = p_job_id and c.outages > 0
    )
$$;
