-- Leases due jobs, by priority and then by how long their lane's first job has been due. A start is counted here,
-- before it happens.
--   p_token: made by the caller, new on every call; it fences every later write.
--   p_lanes: the lanes the worker can run now. p_solo_lanes: their solo twins, or empty while the worker cannot take
--   a job that must run alone. Such a job comes first and as the only one; it is held but not started, so that the
--   worker can finish what it has in flight (see start_job). Lanes that are paused are not looked at (see pause).
--   p_limit: free slots. p_lease_ms: length of the lease.
--   p_marks: what earlier claims answered as `mark`, merged, or {} for a look from the start. A look goes on from there:
--   what was taken lies in the index for as long as somebody holds an old snapshot. A job that was committed late or
--   given back may be due before the mark, so only a claimer in a hurry uses marks, and not for long.
--   Jobs under a limit wait at gates and go by turns (see claim_gated). While some do, half of the slots are offered to
--   them and half to all other jobs, an odd one by chance; what the ones leave, the others take.
--   Locks: the claimed ready rows, skipping those of other claims; the gates of these lanes while jobs wait there.
--   Index: ready_gated, one probe; see claim_plain and claim_gated.
--   Answers: one row per leased job with the trace it was enqueued in, one of each lane and priority with a mark; none
--   when nothing is due.
create or replace function :"schema".claim_jobs_v2(
  p_worker text, p_token uuid, p_lanes integer[], p_solo_lanes integer[], p_limit integer, p_lease_ms integer,
  p_marks jsonb default '{}'
) returns table (
  job_id bigint, public_id uuid, lane_id integer, attempt integer, solo boolean, payload jsonb, mark jsonb,
  trace text
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
-- The probe must be one of an index, whatever the statistics say, and turning plans off must not turn the compiler on.
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
declare
  v_left integer := p_limit;
  v_plain_lanes integer[];
  v_share integer;
  v_taken integer;
begin
  if exists (select from :"schema".pause) then
    p_lanes := :"schema".open_lanes(p_lanes);
    p_solo_lanes := :"schema".open_lanes(p_solo_lanes);
  end if;
  if not exists (select from :"schema".ready as r where r.lane_id < 0) then
    return query
      select c.* from :"schema".claim_plain(
        p_worker, p_token, p_lanes, p_solo_lanes, p_limit, p_lease_ms, p_marks
      ) as c;
    return;
  end if;

  return query
    select c.* from :"schema".claim_gated(p_worker, p_token, p_solo_lanes, true, least(p_limit, 1), p_lease_ms) as c;
  if not found then
    return query
      select c.* from :"schema".claim_plain(
        p_worker, p_token, '{}', :"schema".plain_lanes(p_solo_lanes), p_limit, p_lease_ms, p_marks
      ) as c;
  end if;
  if found then
    return;
  end if;
  v_plain_lanes := :"schema".plain_lanes(p_lanes);
  v_share := case when v_plain_lanes = '{}' then p_limit else floor(p_limit / 2.0 + random()) end;
  return query
    select c.* from :"schema".claim_gated(p_worker, p_token, p_lanes, false, v_share, p_lease_ms) as c;
  get diagnostics v_taken = row_count;
  v_left := v_left - v_taken;
  return query
    select c.* from :"schema".claim_plain(p_worker, p_token, v_plain_lanes, '{}', v_left, p_lease_ms, p_marks) as c;
  if v_taken = v_share then
    get diagnostics v_taken = row_count;
    return query
      select c.* from :"schema".claim_gated(p_worker, p_token, p_lanes, false, v_left - v_taken, p_lease_ms) as c;
  end if;
end
$$;
