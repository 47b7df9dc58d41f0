-- Why a lease is gone, when it was taken away on somebody's order. Private.
--   Index: attempt (job_id, phase, attempt), stopped (job_id).
--   Answers: cancelled | superseded | expired; null when nobody ordered it.
create or replace function :"schema".cancel_code(p_job_id bigint, p_token uuid) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select case when o.code in ('superseded', 'expired') then o.code else 'cancelled' end
  from (
    select a.code from :"schema".attempt as a
    where a.job_id = p_job_id and a.token = p_token and a.outcome = 'cancelled'
    union all
    -- A lease that was held for a run alone, and never began, left no attempt.
    select s.code from :"schema".stopped as s
    where s.job_id = p_job_id and s.worker is not null and s.started_at is null
      and (s.state = 'cancelled' or s.code = 'expired')
      and not exists (select from :"schema".attempt as a where a.job_id = p_job_id and a.token = p_token)
  ) as o
  limit 1
$$;
