-- Begins the run of a job that was held to run alone. The start is counted here.
--   Locks: the lease's row. Index: lease (job_id).
--   Answers: ok (also when it had begun) | lost.
create or replace function :"schema".start_job(p_job_id bigint, p_token uuid) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
begin
  update :"schema".lease
  set started_at = coalesce(started_at, v_now), until = v_now + lease_ms * interval '1 millisecond'
  where job_id = p_job_id and token = p_token;
  return case when found then 'ok' else 'lost' end;
end
$$;
