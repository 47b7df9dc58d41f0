-- Ends a lease because its phase waits, in one step: history, the waiting row (or a ready one, when what it waits for is
-- there already), hook. Private; see wait_job, which holds the locks that keep a signal or a child from coming between.
--   Answers: state (waiting, queued).
create or replace function :"schema".park_lease(
  p_lease :"schema".lease, p_reason text, p_name text, p_timeout_ms bigint, p_fails_fast boolean
) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_lane :"schema".lane;
  v_state text := 'waiting';
begin
  select * into strict v_lane from :"schema".lane where id = p_lease.lane_id;
  if p_reason = 'signal' then
    perform from :"schema".signal where job_id = p_lease.job_id and name = p_name;
  else
    perform where not exists (
      select from :"schema".parent where job_id = p_lease.job_id and open > 0 and not (p_fails_fast and failed > 0)
    );
  end if;
  if found then
    v_state := 'queued';
  end if;

  delete from :"schema".lease where job_id = p_lease.job_id;
  if exists (select from :"schema".slot) then
    perform :"schema".free_slots(array[p_lease.job_id]);
  end if;
  insert into :"schema".attempt (job_id, phase, attempt, token, worker, started_at, finished_at, outcome)
  values (
    p_lease.job_id, v_lane.phase, p_lease.attempt, p_lease.token, p_lease.worker,
    coalesce(p_lease.started_at, v_now), v_now, 'waited'
  );
  if v_state = 'waiting' then
    insert into :"schema".waiting (job_id, lane_id, priority, attempt, reason, name, fails_fast, wake_at, since)
    values (
      p_lease.job_id, p_lease.lane_id, p_lease.priority, p_lease.attempt, p_reason, p_name, p_fails_fast,
      v_now + p_timeout_ms * interval '1 millisecond', v_now
    );
  else
    insert into :"schema".ready (job_id, lane_id, priority, due_at, attempt)
    values (p_lease.job_id, p_lease.lane_id, p_lease.priority, v_now, p_lease.attempt);
    perform :"schema".hint_workers();
  end if;
  perform :"schema".call_hook(p_lease.job_id, v_lane.type, 'leased', v_state, v_lane.phase, null, null);
  return v_state;
end
$$;
