-- The limits of a job that leave no room for it now. Private; see explain_job.
--   Index: job_limit (scope, key), slot (scope, key, job_id), lease (job_id), start_count (scope, key, piece).
--   Answers: one row per cause: for queue, type and tenant, limit_full and rate_used_up (until: when the first one more
--   may start; null when none ever may).
create or replace function :"schema".explain_limits(p_lane :"schema".lane, p_tenant text, p_now timestamptz)
returns table (cause text, sentence text, blocker text, until timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  with bound as materialized (
    select s.place, s.scope || ' ' || s.key as blocker, m.concurrency_max, m.rate_max, m.window_ms, u.running, r.starts, r.until
    from (values (1, 'queue', p_lane.queue), (2, 'type', p_lane.type), (3, 'tenant', nullif(p_tenant, '')))
      as s (place, scope, key)
    cross join lateral (
      select m.* from :"schema".job_limit as m
      where m.scope = s.scope and (m.key = s.key or (s.scope = 'tenant' and m.key = '*')) order by m.key = s.key desc limit 1
    ) as m
    cross join lateral (
      select count(*) as running from :"schema".slot as o
      join :"schema".lease as l on l.job_id = o.job_id and l.token = o.token
      where o.scope = s.scope and o.key = s.key
    ) as u
    cross join lateral (
      select coalesce(sum(c.starts), 0) as starts,
        min(c.last_at) filter (where c.after < m.rate_max) + m.window_ms * interval '1 millisecond' as until
      from (
        -- What still counts once this piece has left the window.
        select o.starts, o.last_at, sum(o.starts) over (order by o.last_at desc, o.piece desc) - o.starts as after
        from :"schema".start_count as o
        where o.scope = s.scope and o.key = s.key and o.last_at > p_now - m.window_ms * interval '1 millisecond'
      ) as c
    ) as r
    where s.key is not null
  )
  select c.cause, c.sentence, c.blocker, c.until
  from (
    select b.place, 1 as step, 'limit_full' as cause, b.blocker, null::timestamptz as until,
      format('The %s is full: %s of %s run.', b.blocker, b.running, b.concurrency_max) as sentence
    from bound as b where b.running >= b.concurrency_max
    union all
    select b.place, 2, 'rate_used_up', b.blocker, b.until,
      format('The %s has used up its rate, %s of %s starts in %s ms: ', b.blocker, b.starts, b.rate_max, b.window_ms)
        || case when b.until is null then 'it has no start to give.'
          else format('the next may be at %s.', :"schema".say_time(b.until)) end
    from bound as b where b.starts >= b.rate_max
  ) as c
  order by c.place, c.step
$$;
