-- Notices that the clock went back, and sets what was written while it was ahead to the time that it is now: a job that is
-- due would wait for as long as the clock was wrong, and the lease of a dead worker would last as long. Private.
--   Locks: the row of clock_mark and leases, skipping those of others; after a jump, waiting jobs.
create or replace function :"schema".follow_clock(p_now timestamptz) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_seen_at timestamptz;
  v_count integer;
begin
  -- A holder who is alive renews it long before it ends.
  update :"schema".lease as l set until = p_now + l.lease_ms * interval '1 millisecond'
  from (
    select a.job_id from :"schema".lease as a
    where a.until > p_now + a.lease_ms * interval '1 millisecond' for no key update skip locked
  ) as ahead where ahead.job_id = l.job_id;

  select seen_at into v_seen_at from :"schema".clock_mark for no key update skip locked;
  if not found or p_now between v_seen_at - interval '1 second' and v_seen_at + interval '1 second' then
    return;
  end if;
  if p_now < v_seen_at then
    update :"schema".start_count set last_at = p_now where last_at > p_now;
    -- What a job waits for in vain, it waits for no longer than was said.
    update :"schema".waiting as w set wake_at = w.wake_at - (w.since - p_now), since = p_now
    from (
      select a.job_id from :"schema".waiting as a where a.since > p_now and a.wake_at is not null
      for no key update skip locked
    ) as ahead where ahead.job_id = w.job_id;
    -- A delay counts from when it was given. Rows of `ready` keep their place until they are deleted: see claim_jobs.
    with ahead as materialized (
      select r.job_id, w.written_at from :"schema".ready as r
      join :"schema".job as j on j.id = r.job_id
      cross join lateral (
        select greatest(j.created_at, max(a.finished_at)) as written_at
        from :"schema".attempt as a where a.job_id = r.job_id
      ) as w
      where r.due_at > p_now and w.written_at > p_now
      limit 10000 for update of r skip locked
    ), taken as (
      delete from :"schema".ready as r using ahead where r.job_id = ahead.job_id
      returning r.*, ahead.written_at
    )
    insert into :"schema".ready (job_id, lane_id, priority, due_at, attempt)
    -- Who waited at a gate is sent there again, if it still stands.
    select t.job_id, abs(t.lane_id), t.priority, greatest(t.due_at - (t.written_at - p_now), p_now), t.attempt
    from taken as t;
    get diagnostics v_count = row_count;
    if v_count > 0 then
      perform :"schema".hint_workers();
      -- There may be more of them, for the next look.
      return;
    end if;
  end if;
  update :"schema".clock_mark set seen_at = p_now;
end
$$;
