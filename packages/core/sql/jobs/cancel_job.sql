-- Ends a job on someone's order. A worker that runs it loses its lease and writes nothing more.
--   Locks: the lease's or ready row. Index: job (public_id), lease (job_id), ready (job_id).
--   Answers: ok | not_found | settled (it had ended before). A hook that raises undoes the cancel and the error is
--   the caller's.
create or replace function :"schema".cancel_job(p_id uuid) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_job :"schema".job;
  v_lane :"schema".lane;
  v_lease :"schema".lease;
  v_lane_id integer;
begin
  select * into v_job from :"schema".job where public_id = p_id;
  if not found then
    return 'not_found';
  end if;
  -- A job may move between two looks; it cannot do so for ever.
  for v_try in 1..10 loop
    select * into v_lease from :"schema".lease where job_id = v_job.id for update;
    if found then
      perform :"schema".move_lease(v_lease, 'cancel', 'cancelled', null, 0, null, true);
      return 'ok';
    end if;
    delete from :"schema".ready where job_id = v_job.id returning lane_id into v_lane_id;
    if found then
      select * into strict v_lane from :"schema".lane where id = v_lane_id;
      insert into :"schema".stopped (job_id, state, phase, code, finished_at)
      values (v_job.id, 'cancelled', v_lane.phase, 'cancelled', :"schema".clock());
      delete from :"schema".unique_key as u where u.job_id = v_job.id;
      perform :"schema".call_hook(v_job.id, v_job.type, 'queued', 'cancelled', v_lane.phase, 'cancelled', null);
      return 'ok';
    end if;
    -- Both in one look: between two, a job may go from one table to the other.
    perform from :"schema".lease where job_id = v_job.id union all select from :"schema".ready where job_id = v_job.id;
    if not found then
      return 'settled';
    end if;
  end loop;
  raise exception using errcode = '40001', message = 'cancel_job: the job kept moving; call again';
end
$$;
