-- Gives an ended job a new start: it is queued, its three counters begin anew, its unique key is its own again and its
-- bounds of time are gone, since whoever asks for this wants it done. Attempts go on counting. Private; the caller
-- holds the lock on the job's stopped row, or on the job when it completed.
--   p_from: the state it is in. p_discard: phases whose results and saved parts are deleted.
--   Locks: the unique key's, and the parent's row. Index: stopped (job_id), unique_key (queue, key), attempt and result (job_id, …).
--   Answers: ok | conflict (another live job holds its unique key; nothing was changed). A hook that raises undoes it,
--   and the error is the caller's.
create or replace function :"schema".restart_job(
  p_job :"schema".job, p_from text, p_phase text, p_delay_ms bigint, p_discard text[]
) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if p_job.unique_key is not null then
    -- Waits for a concurrent enqueue with this key, and makes later ones wait for us.
    perform :"schema".find_existing_job(null, p_job.queue, null, p_job.unique_key);
    insert into :"schema".unique_key (queue, key, job_id) values (p_job.queue, p_job.unique_key, p_job.id)
    on conflict do nothing;
    if not found then
      return 'conflict';
    end if;
  end if;
  delete from :"schema".stopped where job_id = p_job.id;
  perform :"schema".reopen_child(p_job.id);
  -- What did not come in time may come now.
  delete from :"schema".signal where job_id = p_job.id and payload is null;
  delete from :"schema".job_counter where job_id = p_job.id;
  delete from :"schema".expiry where job_id = p_job.id;
  delete from :"schema".result where job_id = p_job.id and phase = any (p_discard);
  insert into :"schema".ready (job_id, lane_id, priority, due_at, attempt)
  select p_job.id, :"schema".find_lane(p_job.queue, p_job.type, p_job.version, p_phase, false), p_job.priority,
    :"schema".clock() + greatest(p_delay_ms, 0) * interval '1 millisecond', coalesce(max(a.attempt), 0)
  from :"schema".attempt as a where a.job_id = p_job.id and a.phase = p_phase;
  if p_delay_ms <= 0 then
    perform :"schema".hint_workers();
  end if;
  perform :"schema".call_hook(p_job.id, p_job.type, p_from, 'queued', p_phase, null, null);
  return 'ok';
end
$$;
