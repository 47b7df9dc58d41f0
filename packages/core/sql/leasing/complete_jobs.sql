-- Ends jobs well, many in one step: the last phase of each is done. See complete_job for one.
--   p_job_ids, p_tokens: pairs by position, in the order of the ids.
--   p_results: array by position of { output, provenance }, or null for a phase that returned nothing.
--   Locks: the leases' rows, in the given order. Index: lease (job_id).
--   Answers: one row for jobs that fared alike, with their positions from 1, otherwise as complete_job does.
create or replace function :"schema".complete_jobs(p_job_ids bigint[], p_tokens uuid[], p_results jsonb)
returns table (places integer[], outcome text, state text, delay_ms integer)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_done integer[];
begin
  begin
    v_done := :"schema".complete_group(p_job_ids, p_tokens, p_results);
  exception when others or assert_failure then
    if :"schema".is_server_trouble(sqlstate) then
      raise;
    end if;
    -- The hook of one of them raised. Each by itself: the others have nothing to do with it. All rows first, in the order
    -- of the group: nobody may hold a parent's row and wait for a job's.
    perform from :"schema".lease as l join unnest(p_job_ids, p_tokens) as h (job_id, token)
      on l.job_id = h.job_id and l.token = h.token order by l.job_id for update of l;
    perform :"schema".hold_families(p_job_ids);
    return query
      select array[h.place::integer], c.outcome, c.state, c.delay_ms
      from unnest(p_job_ids, p_tokens) with ordinality as h (job_id, token, place)
      cross join lateral (select p_results -> (h.place::integer - 1) as result) as r
      cross join lateral :"schema".complete_job(
        h.job_id, h.token, coalesce(r.result -> 'output', 'null'), r.result -> 'provenance'
      ) as c;
    return;
  end;
  return query select v_done, 'ok', 'completed', 0;
  if cardinality(v_done) < cardinality(p_job_ids) then
    return query
      select array[h.place::integer], a.outcome, a.state, a.delay_ms
      from unnest(p_job_ids, p_tokens) with ordinality as h (job_id, token, place)
      cross join lateral :"schema".answer_stale(h.job_id, h.token) as a
      where h.place <> all (v_done);
  end if;
end
$$;
