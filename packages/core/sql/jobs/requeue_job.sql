-- Gives a failed, dead or cancelled job a new start at the phase where it ended. Results and saved parts of earlier
-- attempts stay; the three counters begin anew; attempts go on counting; bounds of time are gone.
--   Locks: the stopped row. Index: job (public_id), stopped (job_id), unique_key (queue, key).
--   Answers: ok | not_found | not_settled (it is queued, leased or completed) | conflict (another live job holds its
--   unique key). A hook that raises undoes the requeue and the error is the caller's.
create or replace function :"schema".requeue_job(p_id uuid, p_delay_ms bigint default 0) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_job :"schema".job;
  v_stopped :"schema".stopped;
begin
  select * into v_job from :"schema".job where public_id = p_id;
  if not found then
    return 'not_found';
  end if;
  select * into v_stopped from :"schema".stopped where job_id = v_job.id for update;
  if not found then
    return 'not_settled';
  end if;
  return :"schema".restart_job(v_job, v_stopped.state, v_stopped.phase, p_delay_ms, '{}');
end
$$;
