-- Takes back leases that ran out: their workers are dead, or as good as dead. Each is a loss; a lost job runs alone
-- next, and is dead when it was lost too often and at least once alone.
--   p_limit: leases looked at in one call.
--   Locks: the lapsed leases' rows, in id order, and their families' (see take_family), skipping those somebody else
--   holds. Reads the lease table once: it has one row per running job and no index on `until`, so that renewals stay
--   cheap.
--   Answers: one row per lapsed lease with the job's state now (queued, dead) and its code.
--   A lease lapses at the earliest one lease length after the server started: an outage of Postgres is no loss. Who
--   started in the future has a clock that went back since.
create or replace function :"schema".lapse_leases(p_limit integer default 100)
returns table (job_id uuid, type text, phase text, attempt integer, state text, code text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_up interval := v_now - pg_postmaster_start_time();
  v_lease :"schema".lease;
  v_answer record;
begin
  perform :"schema".follow_clock(v_now);
  perform :"schema".sweep_progress();
  for v_lease in
    select l.* from :"schema".lease as l
    where l.until < v_now and (v_up >= l.lease_ms * interval '1 millisecond' or v_up < interval '0')
    order by l.job_id limit p_limit for update skip locked
  loop
    continue when not :"schema".take_family(v_lease.job_id);
    begin
      select s.* into strict v_answer from :"schema".settle_lease(
        v_lease, 'lapse', 'worker_lost', 'The worker that ran this job stopped renewing its lease.', 0, null, null
      ) as s;
    exception when others or assert_failure then
      -- A hook met trouble of the server. The next call looks again, and no other lease waits for it.
      raise warning 'lapse_leases: job % could not be moved (SQLSTATE %)', v_lease.job_id, sqlstate;
      continue;
    end;
    return query
      select j.public_id, l.type, l.phase, v_lease.attempt, v_answer.state,
        case v_answer.outcome when 'ok' then 'worker_lost' else v_answer.outcome end
      from :"schema".job as j, :"schema".lane as l where j.id = v_lease.job_id and l.id = v_lease.lane_id;
  end loop;
end
$$;
