-- Ends a lease and puts its job where it belongs, in one step: history, counters, ready or stopped row, unique key,
-- hook, parent. Private; the caller holds the lease's row lock.
--   p_move: complete, retry, outage, shutdown, fail, lapse, cancel, expire, effect.
--   p_delay_ms: at least this long until the job is due again.
--   Answers: state (the job's state now) and delay_ms until it is due.
create or replace function :"schema".move_lease(
  p_lease :"schema".lease, p_move text, p_code text, p_message text, p_delay_ms integer, p_output jsonb,
  p_with_hook boolean, out state text, out delay_ms integer
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_lane :"schema".lane;
  v_solo boolean := p_lease.solo;
begin
  select * into strict v_lane from :"schema".lane where id = p_lease.lane_id;
  if p_move in ('retry', 'outage', 'shutdown', 'lapse', 'effect') then
    select c.to_state, greatest(c.delay_ms, p_delay_ms), c.solo into strict state, delay_ms, v_solo
    from :"schema".charge_lease(p_lease, p_move, p_code, p_message) as c;
  else
    state := case p_move when 'complete' then 'completed' when 'fail' then 'failed'
      when 'expire' then 'dead' else 'cancelled' end;
  end if;

  delete from :"schema".lease where job_id = p_lease.job_id;
  if exists (select from :"schema".slot) then
    perform :"schema".free_slots(array[p_lease.job_id]);
  end if;
  if p_move in ('cancel', 'expire') then
    perform :"schema".hint_keepers();
  end if;
  -- An attempt is a start: a lease that never began leaves no trace and takes no number.
  if p_lease.started_at is not null or p_move = 'complete' then
    insert into :"schema".attempt
      (job_id, phase, attempt, token, worker, started_at, finished_at, outcome, code, message)
    values (
      p_lease.job_id, v_lane.phase, p_lease.attempt, p_lease.token, p_lease.worker,
      coalesce(p_lease.started_at, v_now), v_now,
      case p_move
        when 'complete' then 'completed' when 'retry' then 'retried' when 'fail' then 'failed'
        when 'lapse' then 'lapsed' when 'cancel' then 'cancelled' when 'expire' then 'cancelled'
        when 'effect' then 'effect_failed' else 'released'
      end,
      p_code, left(p_message, 1024)
    );
  end if;

  if state = 'queued' then
    insert into :"schema".ready (job_id, lane_id, priority, due_at, attempt)
    values (
      p_lease.job_id,
      case when v_solo = v_lane.solo then v_lane.id
        else :"schema".find_lane(v_lane.queue, v_lane.type, v_lane.version, v_lane.phase, v_solo) end,
      p_lease.priority, v_now + delay_ms * interval '1 millisecond',
      p_lease.attempt - (p_lease.started_at is null)::integer
    );
    if delay_ms = 0 then
      perform :"schema".hint_workers();
    end if;
  else
    if state <> 'completed' then
      insert into :"schema".stopped (job_id, state, phase, code, message, worker, started_at, finished_at)
      values (
        p_lease.job_id, state, v_lane.phase, p_code, left(p_message, 1024), p_lease.worker, p_lease.started_at, v_now
      );
    end if;
    delete from :"schema".unique_key as u where u.job_id = p_lease.job_id;
  end if;

  if p_with_hook then
    perform :"schema".call_hook(p_lease.job_id, v_lane.type, 'leased', state, v_lane.phase, p_code, p_output);
  end if;
  if state <> 'queued' and exists (select from :"schema".child as c where c.job_id = p_lease.job_id) then
    perform :"schema".end_children(array[p_lease.job_id], state);
  end if;
end
$$;
