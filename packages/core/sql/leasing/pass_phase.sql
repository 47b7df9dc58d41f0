-- Closes the attempt of a phase whose result is stored, and moves the job to the next phase: under the same lease, or back to
-- `ready`. Private; the caller holds the lease's row lock.
--   Answers: state (leased, queued) and the number of the next attempt.
create or replace function :"schema".pass_phase(
  p_lease :"schema".lease, p_next_phase text, p_output jsonb, p_yield boolean,
  out state text, out attempt integer
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_lane :"schema".lane;
  v_next integer;
begin
  select * into strict v_lane from :"schema".lane where id = p_lease.lane_id;
  insert into :"schema".attempt (job_id, phase, attempt, token, worker, started_at, finished_at, outcome)
  values (
    p_lease.job_id, v_lane.phase, p_lease.attempt, p_lease.token, p_lease.worker, p_lease.started_at, v_now,
    'completed'
  );
  -- Attempts of a phase are numbered over the whole life of the job, also after a requeue.
  select coalesce(max(a.attempt), 0) into attempt from :"schema".attempt as a
  where a.job_id = p_lease.job_id and a.phase = p_next_phase;
  v_next := :"schema".find_lane(v_lane.queue, v_lane.type, v_lane.version, p_next_phase, p_lease.solo);
  if p_yield then
    state := 'queued';
    delete from :"schema".lease where job_id = p_lease.job_id;
    if exists (select from :"schema".slot) then
      perform :"schema".free_slots(array[p_lease.job_id]);
    end if;
    insert into :"schema".ready (job_id, lane_id, priority, due_at, attempt)
    values (p_lease.job_id, v_next, p_lease.priority, v_now, attempt);
    perform :"schema".hint_workers();
  else
    state := 'leased';
    attempt := attempt + 1;
    update :"schema".lease as l
    set lane_id = v_next, attempt = pass_phase.attempt, started_at = v_now,
      until = v_now + l.lease_ms * interval '1 millisecond'
    where l.job_id = p_lease.job_id;
  end if;
  perform :"schema".call_hook(p_lease.job_id, v_lane.type, 'leased', state, v_lane.phase, null, p_output);
end
$$;
