-- Moves waiting jobs that fall under a limit to the gated twins of their lanes. Private; see gate_jobs and set_limit.
--   Locks: the rows in `ready`, which no claim has seen yet or can see now. Index: ready (job_id), job (id), lane (id).
create or replace function :"schema".gate_waiting(p_job_ids bigint[]) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  with gated as materialized (
    select r.job_id, n.id as lane_id, n.queue, n.type, n.version, n.phase, n.solo, coalesce(j.tenant, '') as tenant
    from unnest(p_job_ids) as g (job_id)
    join :"schema".ready as r on r.job_id = g.job_id and r.lane_id > 0
    join :"schema".lane as n on n.id = r.lane_id
    join :"schema".job as j on j.id = r.job_id
    where exists (select from :"schema".job_limit as m where m.scope = 'queue' and m.key = n.queue)
      or exists (select from :"schema".job_limit as m where m.scope = 'type' and m.key = n.type)
      or (j.tenant <> '' and exists (
        select from :"schema".job_limit as m
        where (m.scope = 'tenant' and m.key in (j.tenant, '*')) or (m.scope = 'pause' and m.key = j.tenant)
      ))
  ), twin as (
    insert into :"schema".lane (id, queue, type, version, phase, solo, gated) overriding system value
    select distinct -g.lane_id, g.queue, g.type, g.version, g.phase, g.solo, true from gated as g
    where not exists (select from :"schema".lane as t where t.id = -g.lane_id)
    on conflict do nothing
  )
  update :"schema".ready as r set lane_id = -g.lane_id, tenant = g.tenant
  from gated as g where r.job_id = g.job_id
$$;
