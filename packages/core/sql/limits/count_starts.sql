-- Writes down what the claim of these gated jobs took: slots, starts, and turns. Private; the caller holds the locks of
-- their gates.
--   Index: lease (job_id), slot (scope, key, job_id), start_count (scope, key, piece), turn (queue, tenant).
create or replace function :"schema".count_starts(p_job_ids bigint[], p_now timestamptz) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  with started as materialized (
    select l.job_id, l.token, s.scope, s.key, s.scope = 'tenant' as by_tenant
    from unnest(p_job_ids) as i (id)
    join :"schema".lease as l on l.job_id = i.id
    join :"schema".lane as n on n.id = l.lane_id
    join :"schema".job as j on j.id = l.job_id
    cross join lateral (
      values ('queue', n.queue), ('type', n.type), ('tenant', nullif(j.tenant, ''))
    ) as s (scope, key)
    where s.key is not null
  ), bounded as materialized (
    select s.job_id, s.token, s.scope, s.key, m.window_ms from started as s cross join lateral (
      select m.window_ms from :"schema".job_limit as m
      where m.scope = s.scope and (m.key = s.key or (s.by_tenant and m.key = '*')) order by m.key = s.key desc limit 1
    ) as m
  ), held as (
    insert into :"schema".slot as s (scope, key, job_id, token)
    select b.scope, b.key, b.job_id, b.token from bounded as b
    on conflict (scope, key, job_id) do update set token = excluded.token
  )
  insert into :"schema".start_count as c (scope, key, piece, starts, last_at)
  select b.scope, b.key, floor(extract(epoch from p_now) * 60000 / b.window_ms), count(*), p_now
  from bounded as b where b.window_ms is not null group by b.scope, b.key, b.window_ms
  on conflict (scope, key, piece) do update
  set starts = c.starts + excluded.starts, last_at = greatest(c.last_at, excluded.last_at);

  with taken as materialized (
    select n.queue, coalesce(j.tenant, '') as tenant, count(*) as ct from unnest(p_job_ids) as i (id)
    join :"schema".lease as l on l.job_id = i.id
    join :"schema".lane as n on n.id = l.lane_id
    join :"schema".job as j on j.id = l.job_id
    group by n.queue, coalesce(j.tenant, '')
  ), turned as materialized (
    select t.queue, t.tenant, 1 / coalesce(w.weight, 1) as step,
      greatest(coalesce(o.finish, 0), coalesce(c.at, 0)) + t.ct / coalesce(w.weight, 1) as finish
    from taken as t
    left join :"schema".turn_clock as c on c.queue = t.queue
    left join :"schema".turn as o on o.queue = t.queue and o.tenant = t.tenant
    left join :"schema".tenant_weight as w on w.tenant = t.tenant
  ), clocked as (
    -- The time of a queue is when, of what it started, the last began.
    insert into :"schema".turn_clock as c (queue, at)
    select t.queue, max(t.finish - t.step) from turned as t group by t.queue
    on conflict (queue) do update set at = greatest(c.at, excluded.at)
  )
  insert into :"schema".turn as o (queue, tenant, finish)
  select t.queue, t.tenant, t.finish from turned as t
  on conflict (queue, tenant) do update set finish = excluded.finish;

  -- Now and then, what nobody needs any more.
  if random() < 0.02 then
    perform :"schema".tidy_limits(p_now);
  end if;
end
$$;
