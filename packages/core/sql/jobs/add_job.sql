-- Writes the rows of one new job. Private; see enqueue_jobs, and add_jobs for many.
--   Answers: the job's id.
create or replace function :"schema".add_job(p_job jsonb) returns uuid
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_queue text := coalesce(p_job ->> 'queue', 'default');
  v_priority smallint := coalesce(:"schema".to_priority(p_job ->> 'priority'), 5);
  v_due_at timestamptz := greatest(v_now, coalesce(
    (p_job ->> 'runAt')::timestamptz,
    v_now + (p_job ->> 'delayMs')::bigint * interval '1 millisecond'
  ));
  v_unique_key text := p_job ->> 'uniqueKey';
  v_id uuid := coalesce((p_job ->> 'id')::uuid, :"schema".new_id(v_now));
  v_type text := p_job ->> 'type';
  v_version smallint := (p_job ->> 'version')::smallint;
  v_lane_id integer := :"schema".find_lane(v_queue, v_type, v_version, p_job ->> 'phase', false);
  v_job_id bigint;
  v_is_idle boolean;
begin
  insert into :"schema".job (
    public_id, queue, type, version, priority, tenant, subject, unique_key, idempotency_key, payload, created_at,
    trace
  )
  values (
    v_id, v_queue, v_type, v_version, v_priority, p_job ->> 'tenant',
    p_job ->> 'subject', v_unique_key, p_job ->> 'idempotencyKey', p_job -> 'payload', v_now,
    p_job ->> 'trace'
  )
  returning id into strict v_job_id;
  if v_unique_key is not null then
    insert into :"schema".unique_key (queue, key, job_id) values (v_queue, v_unique_key, v_job_id);
  end if;
  if p_job ? 'skipped' then
    insert into :"schema".result (job_id, phase, part, attempt, output, provenance, saved_at)
    select v_job_id, s.key, 0, 0, s.value -> 'output', s.value -> 'provenance', v_now
    from jsonb_each(p_job -> 'skipped') as s;
  end if;
  if p_job ?| array['ttlMs', 'deadlineMs'] then
    perform :"schema".set_expiry(v_job_id, v_due_at, p_job);
  end if;
  v_is_idle := v_due_at <= v_now and not exists (
    select from :"schema".ready where lane_id = v_lane_id and priority = v_priority and due_at <= v_now
  );
  insert into :"schema".ready (job_id, lane_id, priority, due_at, attempt)
  values (v_job_id, v_lane_id, v_priority, v_due_at, 0);
  -- Only who finds the lane idle wakes the workers: where a backlog waits they are awake, and a hint per enqueue would
  -- line up all commits behind one lock.
  if v_is_idle then
    perform :"schema".hint_workers();
  end if;
  return v_id;
end
$$;
