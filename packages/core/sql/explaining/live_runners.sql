-- The live workers that run a lane, whatever form of it a job waits in, and what they need for it. Private; see explain_job.
--   resource: null when the lane needs none. is_known: false of a worker of an older version, which tells its types only.
create or replace function :"schema".live_runners(p_lane :"schema".lane, p_now timestamptz)
returns table (name text, slots integer, resource text, is_known boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select w.name, w.slots, w.lanes ->> n.id::text, w.lanes is not null
  from :"schema".lane as n
  join :"schema".worker as w
    on case when w.lanes is null then p_lane.type || '/' || p_lane.version = any (w.types) else w.lanes ? n.id::text end
  where (n.type, n.version, n.phase, n.queue) = (p_lane.type, p_lane.version, p_lane.phase, p_lane.queue)
    and not n.solo and not n.gated
    and w.stopped_at is null and w.seen_at >= p_now - 3 * w.interval_ms * interval '1 millisecond'
$$;
