-- Gives back the slots of jobs whose leases have ended in this transaction, and tells workers when a job waits for one:
-- who frees a slot asks for the next job himself, but may not be able to run it. Private. No claim relies on it: a slot
-- without its lease is not counted.
--   Index: slot (job_id).
create or replace function :"schema".free_slots(p_job_ids bigint[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
-- The one row of slot_hint has no index, and turning plans off must not turn the compiler on.
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
declare
  v_now timestamptz;
begin
  delete from :"schema".slot as s where s.job_id = any (p_job_ids);
  if not found or not exists (select from :"schema".ready as r where r.lane_id < 0) then
    return;
  end if;
  -- A hint wakes every worker, and lines up commits: five in a second are enough, and no one waits to give one.
  v_now := :"schema".clock();
  perform from :"schema".slot_hint
  where hinted_at not between v_now - interval '200 milliseconds' and v_now for update skip locked;
  if found then
    update :"schema".slot_hint set hinted_at = v_now;
    perform :"schema".hint_workers();
  end if;
end
$$;
