-- Ended jobs that fit a filter, oldest end first within a state. Private; see requeue_jobs, which names the fields.
--   Index: stopped (state, finished_at), job (id), job_counter (job_id, phase).
create or replace function :"schema".find_stopped(p_filter jsonb, p_limit integer)
returns table (job_id bigint, state text, finished_at timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
-- The plan must not depend on statistics, and turning plans off must not turn the compiler on. Without enable_sort,
-- PostgreSQL 15 sorts all that ended instead of a few of the same moment.
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_sort = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  v_states text[] := case when p_filter ->> 'state' is null then array['dead', 'failed']
    else array[p_filter ->> 'state'] end;
  v_queue text := p_filter ->> 'queue';
  v_type text := p_filter ->> 'type';
  v_tenant text := p_filter ->> 'tenant';
  v_phase text := p_filter ->> 'phase';
  v_code text := p_filter ->> 'code';
  v_outage boolean := coalesce((p_filter ->> 'outage')::boolean, false);
  v_until timestamptz := coalesce((p_filter ->> 'until')::timestamptz, 'infinity');
  v_after jsonb := p_filter -> 'after';
  v_since timestamptz;
  v_after_id bigint;
  v_left integer := p_limit;
  v_found integer;
  v_state text;
begin
  foreach v_state in array v_states loop
    continue when v_state < v_after ->> 'state';
    v_since := coalesce((p_filter ->> 'since')::timestamptz, '-infinity');
    v_after_id := 0;
    if v_state = v_after ->> 'state' then
      v_since := (v_after ->> 'finishedAt')::timestamptz;
      v_after_id := (v_after ->> 'jobId')::bigint;
    end if;
    return query
      select s.job_id, s.state, s.finished_at from :"schema".stopped as s
      join :"schema".job as j on j.id = s.job_id
      where s.state = v_state and s.finished_at >= v_since and s.finished_at < v_until
        and (s.finished_at > v_since or s.job_id > v_after_id)
        and (v_phase is null or s.phase = v_phase) and (v_code is null or s.code = v_code)
        and (v_queue is null or j.queue = v_queue) and (v_type is null or j.type = v_type)
        and (v_tenant is null or j.tenant = v_tenant)
        and (not v_outage or :"schema".is_outage_victim(s.job_id, s.code))
      order by s.finished_at, s.job_id limit v_left;
    get diagnostics v_found = row_count;
    v_left := v_left - v_found;
    exit when v_left <= 0;
  end loop;
end
$$;
