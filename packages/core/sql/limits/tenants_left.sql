-- How many more jobs may start of each tenant who runs some, or has a limit of its own. Private; the caller holds the lock.
--   Index: job_limit (scope, key), slot (scope, key, job_id), lease (job_id), start_count (scope, key, piece).
--   Answers: an object by tenant, and under `*` what each of the others may; a missing one is not bounded. Of who is paused,
--   none.
create or replace function :"schema".tenants_left(p_now timestamptz) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp
-- Of those who run there may be many, and none of these tables is a queue.
set enable_hashjoin = on
as $$
  with running as materialized (
    select s.key, count(*)::integer as ct from :"schema".slot as s
    join :"schema".lease as l on l.job_id = s.job_id and l.token = s.token where s.scope = 'tenant' group by s.key
  ), known as materialized (
    select k.key, m.concurrency_max, m.rate_max, p_now - m.window_ms * interval '1 millisecond' as since
    from (
      select r.key from running as r
      union select c.key from :"schema".start_count as c where c.scope = 'tenant'
      union select m.key from :"schema".job_limit as m where m.scope = 'tenant'
    ) as k
    cross join lateral (
      select m.* from :"schema".job_limit as m
      where m.scope = 'tenant' and m.key in (k.key, '*') order by m.key = k.key desc limit 1
    ) as m
  ), started as materialized (
    select k.key, sum(c.starts)::integer as ct from known as k
    join :"schema".start_count as c on c.scope = 'tenant' and c.key = k.key and c.last_at > k.since group by k.key
  )
  select coalesce(jsonb_object_agg(k.key, greatest(0, least(
    k.concurrency_max - coalesce(r.ct, 0), k.rate_max - coalesce(c.ct, 0)
  ))), '{}') || (
    select coalesce(jsonb_object_agg(m.key, 0), '{}') from :"schema".job_limit as m where m.scope = 'pause'
  )
  from known as k left join running as r on r.key = k.key left join started as c on c.key = k.key
$$;
