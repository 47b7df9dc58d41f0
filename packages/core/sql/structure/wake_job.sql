-- Queues a job that waited, due now. Private; the caller has deleted the row of `waiting` and says so by handing it on.
--   Locks: the new ready row. A hook that raises is left out, with a warning: whoever wakes a job has nothing to do with
--   its hook, and it must not sleep for ever.
create or replace function :"schema".wake_job(p_waiting :"schema".waiting) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_lane :"schema".lane;
begin
  insert into :"schema".ready (job_id, lane_id, priority, due_at, attempt)
  values (p_waiting.job_id, p_waiting.lane_id, p_waiting.priority, :"schema".clock(), p_waiting.attempt);
  perform :"schema".hint_workers();
  select l.* into strict v_lane from :"schema".lane as l where l.id = p_waiting.lane_id;
  begin
    perform :"schema".call_hook(p_waiting.job_id, v_lane.type, 'waiting', 'queued', v_lane.phase, null, null);
  exception when others or assert_failure then
    if :"schema".is_server_trouble(sqlstate) then
      raise;
    end if;
    raise warning 'wake_job: the hook of job % raised (SQLSTATE %)', p_waiting.job_id, sqlstate;
  end;
end
$$;
