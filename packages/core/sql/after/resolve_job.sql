-- Ends the matter of a job that failed or is dead: somebody settled it by hand, and says how. It is cancelled with the code
-- `resolved`, is no dead letter any more and is kept as long as cancelled jobs are. What its attempts were stays, and
-- requeue_job still gives it a new start.
--   p_reason: 1 to 1,024 characters, kept as the job's message. It is for operators: no word of the job's content.
--   Locks: the stopped row. Index: job (public_id), stopped (job_id).
--   Answers: ok | existing (somebody resolved it before; the first reason stays) | not_found | not_failed (it is queued,
--   waiting, leased, completed or cancelled). A hook that raises undoes it, and the error is the caller's.
create or replace function :"schema".resolve_job(p_id uuid, p_reason text) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_job :"schema".job;
  v_stopped :"schema".stopped;
begin
  if p_reason is null or char_length(p_reason) not between 1 and 1024 then
    raise exception using errcode = '22023', message = 'resolve_job: p_reason must have 1 to 1024 characters';
  end if;
  select * into v_job from :"schema".job where public_id = p_id;
  if not found then
    return 'not_found';
  end if;
  select * into v_stopped from :"schema".stopped where job_id = v_job.id for update;
  if not found or v_stopped.state = 'cancelled' then
    return case when v_stopped.code = 'resolved' then 'existing' else 'not_failed' end;
  end if;
  update :"schema".stopped
  set state = 'cancelled', code = 'resolved', message = p_reason, finished_at = :"schema".clock()
  where job_id = v_job.id;
  -- A parent was told that it did not complete, and that is still so.
  update :"schema".child set state = 'cancelled' where job_id = v_job.id;
  perform :"schema".call_hook(
    v_job.id, v_job.type, v_stopped.state, 'cancelled', v_stopped.phase, 'resolved', null
  );
  return 'ok';
end
$$;
