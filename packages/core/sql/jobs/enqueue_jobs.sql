-- Adds jobs, in the caller's transaction.
--   p_jobs: array of objects { type, version, phase, payload; and, optional:
--     id (uuid), queue ('default'), tenant, subject,
--     priority: 0 to 9, lower first, or urgent (1), high (3), normal (5, the default), low (7), bulk (9),
--     delayMs (0), or runAt (timestamptz), which goes before it: when the job is due; what is over means now,
--     ttlMs: it must have started so long after it was due, deadlineMs: it must have ended; else it is dead, expired,
--     uniqueKey: one live job per queue and key, and onConflict: what becomes of the one that is there: keep it (the
--       default); replace it, when it waits and is of the same type (see replace_job); supersede it: it is cancelled
--       with the code superseded, also when it runs, and the new one is added,
--     idempotencyKey: the same request again, also after completion; not with onConflict replace,
--     parent (the id of a live job whose child it is), trace (a W3C traceparent),
--     skipped ({ phase: { output, provenance } }) }.
--   p_shared: the same fields, for each job that does not have them itself.
--   Locks: the new rows; for keys, see lock_conflicts. Indexes: job (public_id), job (queue, idempotency_key),
--   unique_key (queue, key).
--   Answers: one row per job in the given order: outcome created | existing | replaced, and the id of the job that is
--   meant.
create or replace function :"schema".enqueue_jobs(p_jobs jsonb, p_shared jsonb default '{}')
returns table (ordinal integer, outcome text, id uuid)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_item jsonb;
  v_keyed constant jsonpath := '$[*] ? (@.id != null || @.uniqueKey != null || @.idempotencyKey != null)';
  v_has_parent constant jsonpath := '$[*] ? (@.parent != null)';
  -- To put both together would copy every job.
  v_is_keyed boolean := jsonb_path_exists(p_jobs, v_keyed) or jsonb_path_exists(p_shared, v_keyed);
  v_has_parents boolean := jsonb_path_exists(p_jobs, v_has_parent) or jsonb_path_exists(p_shared, v_has_parent);
  v_children uuid[] := '{}';
  v_parents uuid[] := '{}';
begin
  if not v_is_keyed and not v_has_parents and jsonb_array_length(p_jobs) >= 10 then
    return query
      select a.ordinal, 'created', a.id from :"schema".add_jobs(p_jobs, p_shared) as a order by a.ordinal;
    return;
  end if;
  if v_is_keyed then
    perform :"schema".lock_conflicts(array(select p_shared || o.item from jsonb_array_elements(p_jobs) as o (item)));
  end if;
  -- One after the other: a job may mean the same as one before it in this very call.
  for v_place in 1..coalesce(jsonb_array_length(p_jobs), 0) loop
    ordinal := v_place;
    v_item := p_shared || (p_jobs -> (v_place - 1));
    outcome := 'existing';
    id := null;
    if v_is_keyed then
      id := :"schema".find_existing_job(
        (v_item ->> 'id')::uuid, coalesce(v_item ->> 'queue', 'default'), v_item ->> 'idempotencyKey',
        case when coalesce(v_item ->> 'onConflict', 'keep') = 'keep' then v_item ->> 'uniqueKey' end
      );
      if id is null and v_item ->> 'onConflict' <> 'keep' and v_item ->> 'uniqueKey' is not null then
        select c.outcome, c.id into strict outcome, id from :"schema".resolve_conflict(v_item) as c;
      end if;
    end if;
    if id is null then
      outcome := 'created';
      id := :"schema".add_job(v_item);
      if v_item ? 'parent' then
        v_children := v_children || id;
        v_parents := v_parents || (v_item ->> 'parent')::uuid;
      end if;
    end if;
    return next;
  end loop;
  if v_children <> '{}' then
    perform :"schema".add_children(v_children, v_parents);
  end if;
end
$$;
