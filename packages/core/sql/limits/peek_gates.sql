-- Which lanes have gated jobs that are due, and since when, where the limits of queue and type leave room for one; those
-- of tenants are not asked. It takes and locks nothing. Private; see peek_lanes.
--   Index: ready_gated (lane_id, tenant, due_at), one probe for each tenant who waits in a lane.
create or replace function :"schema".peek_gates(p_lanes integer[], p_now timestamptz)
returns table (lane_id integer, due_at timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
-- The plan must not depend on statistics, and turning plans off must not turn the compiler on. Of two indexes that fit,
-- the one that spares a sort reads a few rows, and the other all of a tenant's.
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
set enable_sort = off set enable_incremental_sort = off set jit = off set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
  if not exists (select from :"schema".ready as r where r.lane_id < 0) then
    return;
  end if;
  return query
    with recursive waiting as (
      select n.id as lane_id, h.tenant, h.due_at from :"schema".lane as n cross join lateral (
        select r.tenant, r.due_at from :"schema".ready as r
        where r.lane_id = -n.id and r.lane_id < 0 order by r.tenant, r.due_at limit 1
      ) as h
      where n.id = any (p_lanes)
        and coalesce(:"schema".limit_left('queue', n.queue, p_now), 1) > 0
        and coalesce(:"schema".limit_left('type', n.type, p_now), 1) > 0
      union all
      select w.lane_id, h.tenant, h.due_at from waiting as w cross join lateral (
        select r.tenant, r.due_at from :"schema".ready as r
        where r.lane_id = -w.lane_id and r.lane_id < 0 and r.tenant > w.tenant order by r.tenant, r.due_at limit 1
      ) as h
    )
    select w.lane_id, min(w.due_at) from waiting as w where w.due_at <= p_now group by w.lane_id;
end
$$;
