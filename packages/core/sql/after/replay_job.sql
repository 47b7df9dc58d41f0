-- Gives any ended job, also a completed one, a new start from a phase that it came to before. What that phase and those
-- after it returned or saved is deleted, so that they are done again: read it first if it is wanted. What earlier phases
-- returned stays; which these are is told by when it was saved. The three counters begin anew, attempts stay and go on
-- counting, bounds of time are gone.
--   Locks: the job's row and the stopped one. Index: job (public_id), attempt (job_id, phase, attempt), result (job_id,
--   phase, part), stopped (job_id), unique_key (queue, key).
--   Answers: ok | not_found | not_settled (it is queued or leased) | unknown_phase (it never came to this phase) |
--   conflict (another live job holds its unique key). A hook that raises undoes it, and the error is the caller's.
create or replace function :"schema".replay_job(p_id uuid, p_phase text, p_delay_ms bigint default 0) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_job :"schema".job;
  v_from text;
  v_phase text;
  v_saved_at timestamptz;
begin
  -- A completed job has no other row of its own to lock. A claim does not wait for this one.
  select * into v_job from :"schema".job where public_id = p_id for no key update;
  if not found then
    return 'not_found';
  end if;
  select state, phase into v_from, v_phase from :"schema".stopped where job_id = v_job.id for update;
  -- All in one look: between two, a job may go from one table to another.
  if not found and exists (
    select from :"schema".lease where job_id = v_job.id
    union all select from :"schema".ready where job_id = v_job.id
    union all select from :"schema".waiting where job_id = v_job.id
    union all select from :"schema".stopped where job_id = v_job.id
  ) then
    return 'not_settled';
  end if;
  select min(r.saved_at) into v_saved_at from :"schema".result as r where r.job_id = v_job.id and r.phase = p_phase;
  if v_saved_at is null and p_phase is distinct from v_phase and not exists (
    select from :"schema".attempt as a where a.job_id = v_job.id and a.phase = p_phase
  ) then
    return 'unknown_phase';
  end if;
  -- A phase that is done without a result tells by its attempt what came after it; nothing came after one that never was.
  v_saved_at := coalesce(v_saved_at, (
    select max(a.finished_at) from :"schema".attempt as a
    where a.job_id = v_job.id and a.phase = p_phase and a.outcome = 'completed'
  ), 'infinity');
  return :"schema".restart_job(v_job, coalesce(v_from, 'completed'), p_phase, p_delay_ms, array(
    select r.phase from :"schema".result as r where r.job_id = v_job.id and (r.saved_at > v_saved_at or r.phase = p_phase)
  ));
end
$$;
