-- Leases due jobs that are under no limit. Private; see claim_jobs_v2, which has the arguments and the answer.
--   Locks: the claimed ready rows, skipping those of other claims. Index: ready (lane_id, priority, due_at, job_id).
create or replace function :"schema".claim_plain(
  p_worker text, p_token uuid, p_lanes integer[], p_solo_lanes integer[], p_limit integer, p_lease_ms integer,
  p_marks jsonb
) returns table (
  job_id bigint, public_id uuid, lane_id integer, attempt integer, solo boolean, payload jsonb, mark jsonb,
  trace text
)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
-- The plan must not depend on statistics, and turning plans off must not turn the compiler on.
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_left integer := p_limit;
  v_taken integer;
  v_head record;
begin
  if p_limit < 1 then
    return;
  end if;
  for v_head in
    select l.lane_id, p.priority, l.solo, m.key, m.mark
    from (
      select s.lane_id, true as solo from unnest(p_solo_lanes) as s (lane_id)
      -- Nearly always there is none.
      where exists (select from :"schema".ready as r where r.lane_id = s.lane_id)
      union all
      select n.lane_id, false from unnest(p_lanes) as n (lane_id)
    ) as l
    cross join generate_series(0, 9) as p (priority)
    cross join lateral (
      select k.key, coalesce((p_marks ->> k.key)::timestamptz, '-infinity') as mark
      from (select l.lane_id || '/' || p.priority as key) as k
    ) as m
    cross join lateral (
      select r.due_at from :"schema".ready as r
      where r.lane_id = l.lane_id and r.priority = p.priority and r.due_at between m.mark and v_now
      order by r.due_at, r.job_id limit 1
    ) as head
    order by l.solo desc, p.priority, head.due_at
  loop
    return query
      with taken as (
        delete from :"schema".ready as r
        -- A row of this table stays where it is until it is deleted.
        where r.ctid = any (array(
          select q.ctid from :"schema".ready as q
          where q.lane_id = v_head.lane_id and q.priority = v_head.priority
            and q.due_at between v_head.mark and v_now
          order by q.due_at, q.job_id limit case when v_head.solo then 1 else v_left end
          for update skip locked
        ))
        returning r.job_id, r.lane_id, r.priority, r.attempt, r.due_at
      ), leased as (
        insert into :"schema".lease as e
          (job_id, token, worker, lane_id, priority, attempt, solo, lease_ms, leased_at, started_at, until)
        select t.job_id, p_token, p_worker, t.lane_id, t.priority, t.attempt + 1, v_head.solo, p_lease_ms, v_now,
          case when not v_head.solo then v_now end, v_now + p_lease_ms * interval '1 millisecond'
        from taken as t
        returning e.job_id, e.lane_id, e.attempt
      )
      select j.id, j.public_id, e.lane_id, e.attempt, v_head.solo, j.payload,
        -- On one row, whichever it is.
        case when e.job_id = (select t.job_id from taken as t limit 1) then
          jsonb_build_object(v_head.key, (select max(t.due_at) from taken as t))
        end, j.trace
      from leased as e join :"schema".job as j on j.id = e.job_id;
    get diagnostics v_taken = row_count;
    v_left := v_left - v_taken;
    exit when v_left = 0 or (v_head.solo and v_taken > 0);
  end loop;
end
$$;
