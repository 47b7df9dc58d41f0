-- Gives a failed, dead or cancelled job a new start at the phase where it ended. Results and saved parts of earlier
-- attempts stay; the three counters begin anew; attempts go on counting.
--   Locks: the stopped row. Index: job (public_id), stopped (job_id), unique_key (queue, key).
--   Answers: ok | not_found | not_settled (it is queued, leased or completed) | conflict (another live job holds its
--   unique key). A hook that raises undoes the requeue and the error is the caller's.
create or replace function :"schema".requeue_job(p_id uuid, p_delay_ms bigint default 0) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_job :"schema".job;
  v_stopped :"schema".stopped;
  v_attempt integer;
begin
  select * into v_job from :"schema".job where public_id = p_id;
  if not found then
    return 'not_found';
  end if;
  select * into v_stopped from :"schema".stopped where job_id = v_job.id for update;
  if not found then
    return 'not_settled';
  end if;
  if v_job.unique_key is not null then
    -- Waits for a concurrent enqueue with this key, and makes later ones wait for us.
    perform :"schema".find_existing_job(null, v_job.queue, null, v_job.unique_key);
    insert into :"schema".unique_key (queue, key, job_id) values (v_job.queue, v_job.unique_key, v_job.id)
    on conflict do nothing;
    if not found then
      return 'conflict';
    end if;
  end if;
  delete from :"schema".stopped where job_id = v_job.id;
  delete from :"schema".job_counter where job_id = v_job.id;
  select coalesce(max(attempt), 0) into v_attempt from :"schema".attempt
  where job_id = v_job.id and phase = v_stopped.phase;
  insert into :"schema".ready (job_id, lane_id, priority, due_at, attempt)
  values (
    v_job.id, :"schema".find_lane(v_job.queue, v_job.type, v_job.version, v_stopped.phase, false), v_job.priority,
    :"schema".clock() + greatest(p_delay_ms, 0) * interval '1 millisecond', v_attempt
  );
  if p_delay_ms <= 0 then
    perform :"schema".hint_workers();
  end if;
  perform :"schema".call_hook(v_job.id, v_job.type, v_stopped.state, 'queued', v_stopped.phase, null, null);
  return 'ok';
end
$$;
