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
  v_new record;
begin
  if not jsonb_path_exists(p_jobs, '$[*] ? (@.id != null || @.uniqueKey != null || @.idempotencyKey != null)') then
    return query
      select a.ordinal, 'created', a.id from :"schema".add_jobs(p_jobs) as a order by a.ordinal;
    return;
  end if;
  -- One after the other: a job may mean the same as one before it in this very call.
  for v_new in
    select o.ordinal::integer as place, o.item, coalesce(o.item ->> 'queue', 'default') as queue
    from jsonb_array_elements(p_jobs) with ordinality as o (item, ordinal) order by o.ordinal
  loop
    ordinal := v_new.place;
    id := :"schema".find_existing_job(
      (v_new.item ->> 'id')::uuid, v_new.queue, v_new.item ->> 'idempotencyKey', v_new.item ->> 'uniqueKey'
    );
    outcome := 'existing';
    if id is null then
      outcome := 'created';
      select a.id into strict id from :"schema".add_jobs(jsonb_build_array(v_new.item)) as a;
    end if;
    return next;
  end loop;
end
$$;
