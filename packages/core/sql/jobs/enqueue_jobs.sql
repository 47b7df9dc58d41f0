-- Adds jobs, in the caller's transaction.
--   p_jobs: array of objects { type, version, phase, payload; and, optional: id (uuid), queue ('default'),
--   priority (0 to 9, lower first, 5), delayMs (0), tenant, subject, uniqueKey (one live job per queue and key),
--   idempotencyKey (the same request again, also after completion), trace (a W3C traceparent),
--   skipped ({ phase: { output, provenance } }) }.
--   p_shared: the same fields, for each job that does not have them itself.
--   Locks: the new rows. Indexes: job (public_id), job (queue, idempotency_key), unique_key (queue, key).
--   Answers: one row per job in the given order: outcome created | existing, and the id of the job that is meant.
create or replace function :"schema".enqueue_jobs(p_jobs jsonb, p_shared jsonb default '{}')
returns table (ordinal integer, outcome text, id uuid)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_item jsonb;
begin
  if jsonb_array_length(p_jobs) >= 10 and not jsonb_path_exists(
    p_jobs || p_shared, '$[*] ? (@.id != null || @.uniqueKey != null || @.idempotencyKey != null)'
  ) then
    return query
      select a.ordinal, 'created', a.id from :"schema".add_jobs(p_jobs, p_shared) as a order by a.ordinal;
    return;
  end if;
  -- One after the other: a job may mean the same as one before it in this very call.
  ordinal := 0;
  for v_item in
    select p_shared || o.item from jsonb_array_elements(p_jobs) with ordinality as o (item, place) order by o.place
  loop
    ordinal := ordinal + 1;
    outcome := 'existing';
    id := null;
    if v_item ?| array['id', 'uniqueKey', 'idempotencyKey'] then
      id := :"schema".find_existing_job(
        (v_item ->> 'id')::uuid, coalesce(v_item ->> 'queue', 'default'), v_item ->> 'idempotencyKey',
        v_item ->> 'uniqueKey'
      );
    end if;
    if id is null then
      outcome := 'created';
      id := :"schema".add_job(v_item);
    end if;
    return next;
  end loop;
end
$$;
