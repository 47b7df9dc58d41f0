-- Adds jobs, in the caller's transaction.
--   p_jobs: array of objects { type, version, phase, payload; and, optional: id (uuid), queue ('default'),
--   priority (0 to 9, lower first, 5), delayMs (0), tenant, subject, uniqueKey (one live job per queue and key),
--   idempotencyKey (the same request again, also after completion), skipped ({ phase: { output, provenance } }) }.
--   Locks: the new rows. Indexes: job (public_id), job (queue, idempotency_key), unique_key (queue, key).
--   Answers: one row per job in the given order: outcome created | existing, and the id of the job that is meant.
create or replace function :"schema".enqueue_jobs(p_jobs jsonb)
returns table (ordinal integer, outcome text, id uuid)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_new record;
  v_job_id bigint;
  v_id uuid;
  v_lane_id integer;
  v_hint boolean := false;
begin
  for v_new in
    select i.*, o.ordinal::integer as place, coalesce(i.queue, 'default') as lane_queue,
      coalesce(i.priority, 5::smallint) as lane_priority,
      -- As it stands: in a record, a payload of null would be no payload.
      o.item -> 'payload' as payload
    from jsonb_array_elements(p_jobs) with ordinality as o (item, ordinal)
    cross join lateral jsonb_to_record(o.item) as i (
      id uuid, queue text, type text, version smallint, phase text, priority smallint, "delayMs" bigint,
      tenant text, subject text, "uniqueKey" text, "idempotencyKey" text, skipped jsonb
    )
    order by o.ordinal
  loop
    ordinal := v_new.place;
    v_id := :"schema".find_existing_job(v_new.id, v_new.lane_queue, v_new."idempotencyKey", v_new."uniqueKey");
    if v_id is null then
      outcome := 'created';
      v_id := coalesce(v_new.id, gen_random_uuid());
      v_lane_id := :"schema".find_lane(v_new.lane_queue, v_new.type, v_new.version, v_new.phase, false);
      insert into :"schema".job (
        public_id, queue, type, version, priority, tenant, subject, unique_key, idempotency_key, payload, created_at
      )
      values (
        v_id, v_new.lane_queue, v_new.type, v_new.version, v_new.lane_priority, v_new.tenant, v_new.subject,
        v_new."uniqueKey", v_new."idempotencyKey", v_new.payload, v_now
      )
      returning job.id into strict v_job_id;
      if v_new."uniqueKey" is not null then
        insert into :"schema".unique_key (queue, key, job_id) values (v_new.lane_queue, v_new."uniqueKey", v_job_id);
      end if;
      insert into :"schema".result (job_id, phase, part, attempt, output, provenance, saved_at)
      select v_job_id, s.key, 0, 0, s.value -> 'output', s.value -> 'provenance', v_now
      from jsonb_each(v_new.skipped) as s;
      v_hint := :"schema".make_ready(
        v_job_id, v_lane_id, v_new.lane_priority, coalesce(v_new."delayMs", 0), 0
      ) or v_hint;
    else
      outcome := 'existing';
    end if;
    id := v_id;
    return next;
  end loop;
  if v_hint then
    perform :"schema".hint_workers();
  end if;
end
$$;
