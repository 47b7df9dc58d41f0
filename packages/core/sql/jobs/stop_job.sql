-- Ends a live job that nobody completed, wherever it is: a worker that runs it loses its lease and writes nothing more.
-- Private; see cancel_job, enqueue_jobs and expire_jobs.
--   p_move: cancel (cancelled) or expire (dead).
--   Its children are cancelled with it.
--   Locks: the lease's, ready or waiting row; for the children see cancel_children. Index: lease (job_id), ready
--   (job_id), waiting (job_id).
--   Answers: ok | settled (it had ended before). A hook that raises undoes it, and the error is the caller's.
create or replace function :"schema".stop_job(
  p_job_id bigint, p_move text, p_code text, p_message text, p_with_hook boolean
) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_state text := case p_move when 'expire' then 'dead' else 'cancelled' end;
  v_lane :"schema".lane;
  v_lease :"schema".lease;
  v_lane_id integer;
  v_from text;
begin
  -- A job may move between two looks; it cannot do so for ever.
  for v_try in 1..10 loop
    select * into v_lease from :"schema".lease where job_id = p_job_id for update;
    if found then
      perform :"schema".cancel_children(p_job_id);
      perform :"schema".move_lease(v_lease, p_move, p_code, p_message, 0, null, p_with_hook);
      return 'ok';
    end if;
    v_from := 'queued';
    delete from :"schema".ready where job_id = p_job_id returning lane_id into v_lane_id;
    if not found then
      v_from := 'waiting';
      delete from :"schema".waiting where job_id = p_job_id returning lane_id into v_lane_id;
    end if;
    if found then
      perform :"schema".cancel_children(p_job_id);
      select * into strict v_lane from :"schema".lane where id = v_lane_id;
      insert into :"schema".stopped (job_id, state, phase, code, message, finished_at)
      values (p_job_id, v_state, v_lane.phase, p_code, p_message, :"schema".clock());
      delete from :"schema".unique_key as u where u.job_id = p_job_id;
      if p_with_hook then
        perform :"schema".call_hook(p_job_id, v_lane.type, v_from, v_state, v_lane.phase, p_code, null);
      end if;
      perform :"schema".end_children(array[p_job_id], v_state);
      return 'ok';
    end if;
    -- All in one look: between two, a job may go from one table to another.
    perform from :"schema".lease where job_id = p_job_id union all select from :"schema".ready where job_id = p_job_id
      union all select from :"schema".waiting where job_id = p_job_id;
    if not found then
      return 'settled';
    end if;
  end loop;
  raise exception using errcode = '40001', message = 'The job kept moving; call again.';
end
$$;
