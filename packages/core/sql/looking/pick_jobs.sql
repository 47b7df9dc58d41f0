-- Of some jobs those that fit a filter, in the order they came in. Private; see list_jobs, which names the fields.
--   Index: job (id), stopped, ready, lease, waiting (job_id), job_counter, attempt (job_id, phase).
--   Answers: their numbers, p_limit at most.
create or replace function :"schema".pick_jobs(p_job_ids bigint[], p_filter jsonb, p_limit integer) returns bigint[]
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_queue text := p_filter ->> 'queue';
  v_type text := p_filter ->> 'type';
  v_code text := p_filter ->> 'code';
  v_tenant text := p_filter ->> 'tenant';
  v_worker text := p_filter ->> 'worker';
  v_completed boolean := coalesce(p_filter ->> 'state' = 'completed', false);
begin
  return array(
    select j.id from unnest(p_job_ids) with ordinality as u (id, place)
    join :"schema".job as j on j.id = u.id
    where (v_queue is null or j.queue = v_queue) and (v_type is null or j.type = v_type)
      and (v_tenant is null or j.tenant = v_tenant)
      and (not v_completed or not exists (
        select from :"schema".ready as r where r.job_id = j.id
        union all select from :"schema".lease as l where l.job_id = j.id
        union all select from :"schema".waiting as w where w.job_id = j.id
        union all select from :"schema".stopped as s where s.job_id = j.id
      ))
      and (v_code is null or v_code = coalesce(
        (select s.code from :"schema".stopped as s where s.job_id = j.id),
        (select k.last_code from :"schema".job_counter as k where k.job_id = j.id order by k.last_at desc limit 1)
      ))
      and (v_worker is null or v_worker = coalesce(
        (select l.worker from :"schema".lease as l where l.job_id = j.id),
        (select a.worker from :"schema".attempt as a where a.job_id = j.id order by a.finished_at desc, a.attempt desc limit 1)
      ))
    order by u.place limit p_limit
  );
end
$$;
