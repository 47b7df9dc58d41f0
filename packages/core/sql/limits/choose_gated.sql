-- The gated jobs whose turn it is. Private; the caller holds the locks of their gates.
--   A queue's tenants take turns by weight: next is whose last job ended first in virtual time (start-time fair queueing).
--   Within a tenant, priority decides, then due time. Who is at a limit is passed over; his jobs are not looked at.
--   p_lanes: plain lanes. p_limit: at most so many, and as many tenants are looked at closely.
--   Index: ready_gated (lane_id, tenant, due_at), one probe for each tenant who waits in a lane; ready_gated_claim
--   (lane_id, tenant, priority, due_at, job_id).
--   Answers: internal ids in the order of their turns. They may be fewer than could start: ask again.
create or replace function :"schema".choose_gated(p_lanes integer[], p_limit integer, p_now timestamptz)
returns table (job_id bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
-- The plan must not depend on statistics, and turning plans off must not turn the compiler on. Of two indexes that fit,
-- the one that spares a sort reads a few rows, and the other all of a tenant's.
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_sort = off set enable_incremental_sort = off set jit = off set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
  return query
    with recursive gate as materialized (
      select l.id as lane_id, l.queue, l.type, q.room as queue_room, t.room as type_room
      from (
        select n.queue, coalesce(:"schema".limit_left('queue', n.queue, p_now), p_limit) as room
        from (select distinct a.queue from :"schema".lane as a where a.id = any (p_lanes)) as n
      ) as q
      join :"schema".lane as l on l.queue = q.queue and l.id = any (p_lanes)
      cross join lateral (select coalesce(:"schema".limit_left('type', l.type, p_now), p_limit) as room) as t
      where q.room > 0 and t.room > 0
    ), bound as materialized (
      select case when exists (select from :"schema".job_limit as m where m.scope in ('tenant', 'pause'))
        then :"schema".tenants_left(p_now) else '{}' end as by_tenant
    ), waiting as (
      select g.lane_id, h.tenant, h.due_at from gate as g cross join lateral (
        select r.tenant, r.due_at from :"schema".ready as r
        where r.lane_id = -g.lane_id and r.lane_id < 0 order by r.tenant, r.due_at limit 1
      ) as h
      union all
      select w.lane_id, h.tenant, h.due_at from waiting as w cross join lateral (
        select r.tenant, r.due_at from :"schema".ready as r
        where r.lane_id = -w.lane_id and r.lane_id < 0 and r.tenant > w.tenant order by r.tenant, r.due_at limit 1
      ) as h
    ), flow as materialized (
      select w.queue, w.tenant, w.lanes, b.room, coalesce(s.weight, 1) as weight,
        -- From the queue's present time on, since times of two queues have nothing to do with each other.
        greatest(coalesce(t.finish, 0) - coalesce(c.at, 0), 0) as start
      from (
        select g.queue, w.tenant, array_agg(w.lane_id) as lanes, min(w.due_at) as due_at
        from waiting as w join gate as g on g.lane_id = w.lane_id
        where w.due_at <= p_now group by g.queue, w.tenant
      ) as w
      cross join lateral (
        select coalesce((b.by_tenant ->> w.tenant)::integer, (b.by_tenant ->> '*')::integer, p_limit) as room
        from bound as b where w.tenant <> '' union all select p_limit where w.tenant = ''
      ) as b
      left join :"schema".turn_clock as c on c.queue = w.queue
      left join :"schema".turn as t on t.queue = w.queue and t.tenant = w.tenant
      left join :"schema".tenant_weight as s on s.tenant = w.tenant
      where b.room > 0
      order by start, w.due_at limit p_limit
    ), candidate as (
      select f.queue, f.tenant, f.room, j.lane_id, j.job_id, j.due_at, f.start + (j.place - 1) / f.weight as start
      from flow as f cross join lateral (
        select l.lane_id, h.job_id, h.due_at, row_number() over (order by p.priority, h.due_at, h.job_id) as place
        from unnest(f.lanes) as l (lane_id) cross join generate_series(0, 9) as p (priority)
        cross join lateral (
          select r.job_id, r.due_at from :"schema".ready as r
          where r.lane_id = -l.lane_id and r.lane_id < 0 and r.tenant = f.tenant and r.priority = p.priority
            and r.due_at <= p_now
          order by r.due_at, r.job_id limit least(p_limit, f.room)
        ) as h
        order by p.priority, h.due_at, h.job_id limit least(p_limit, f.room)
      ) as j
    )
    select c.job_id from (
      select c.*, g.queue_room, g.type_room,
        row_number() over (partition by c.queue order by c.start, c.due_at, c.job_id) as queue_place,
        row_number() over (partition by g.type order by c.start, c.due_at, c.job_id) as type_place,
        row_number() over (partition by c.tenant order by c.start, c.due_at, c.job_id) as tenant_place
      from candidate as c join gate as g on g.lane_id = c.lane_id
    ) as c
    where c.queue_place <= c.queue_room and c.type_place <= c.type_room and (c.tenant = '' or c.tenant_place <= c.room)
    order by c.start, c.due_at, c.job_id limit p_limit;
end
$$;
