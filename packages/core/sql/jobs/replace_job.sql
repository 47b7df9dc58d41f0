-- Makes a waiting job another one under the same id: payload, version, priority, tenant, subject, due time, bounds and
-- the phase it starts at are the new one's. It begins anew: results, saved parts and signals, which came of the old payload,
-- are deleted, and the three counters begin at nothing. Attempts stay and go on counting. No hook is called, as none is
-- called by an enqueue. Private; see enqueue_jobs.
--   Locks: the ready row and the job's. Index: ready (job_id), job (id).
--   Answers: whether the job was waiting. One that runs is left as it is.
create or replace function :"schema".replace_job(p_job_id bigint, p_job jsonb) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_queue text := coalesce(p_job ->> 'queue', 'default');
  v_version smallint := (p_job ->> 'version')::smallint;
  v_phase text := p_job ->> 'phase';
  v_priority smallint := coalesce(:"schema".to_priority(p_job ->> 'priority'), 5);
  v_due_at timestamptz := greatest(v_now, coalesce(
    (p_job ->> 'runAt')::timestamptz,
    v_now + (p_job ->> 'delayMs')::bigint * interval '1 millisecond'
  ));
begin
  -- Not changed in place: a claim that looks at this moment must find both the row and the payload, or neither.
  delete from :"schema".ready where job_id = p_job_id;
  if not found then
    return false;
  end if;
  update :"schema".job set
    version = v_version, priority = v_priority, tenant = p_job ->> 'tenant', subject = p_job ->> 'subject',
    payload = p_job -> 'payload', trace = p_job ->> 'trace'
  where id = p_job_id;
  delete from :"schema".result where job_id = p_job_id;
  delete from :"schema".job_counter where job_id = p_job_id;
  delete from :"schema".signal where job_id = p_job_id;
  delete from :"schema".expiry where job_id = p_job_id;
  perform :"schema".set_expiry(p_job_id, v_due_at, p_job);
  insert into :"schema".result (job_id, phase, part, attempt, output, provenance, saved_at)
  select p_job_id, s.key, 0, 0, s.value -> 'output', s.value -> 'provenance', v_now
  from jsonb_each(coalesce(p_job -> 'skipped', '{}')) as s;
  insert into :"schema".ready (job_id, lane_id, priority, due_at, attempt)
  select p_job_id, :"schema".find_lane(v_queue, p_job ->> 'type', v_version, v_phase, false), v_priority, v_due_at,
    coalesce(max(a.attempt), 0)
  from :"schema".attempt as a where a.job_id = p_job_id and a.phase = v_phase;
  if v_due_at <= v_now then
    perform :"schema".hint_workers();
  end if;
  return true;
end
$$;
