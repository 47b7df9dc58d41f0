-- Ends jobs that did not start or end by the time that was set at their enqueue: they are dead, with the code expired,
-- and the hook is called. A worker that runs one loses its lease and writes nothing more.
--   A claim does not look at these bounds, so a job may be handed out until this function has looked: its start counts,
--   when it came within a minute of the bound.
--   p_limit: bounds looked at in one call, the oldest first.
--   Locks: leases and ready rows and their families' (see take_family), skipping those somebody else holds: the next
--   call looks at them. Index: expiry
--   (look_at), lease (job_id), ready (job_id), attempt (job_id, phase, attempt).
--   Answers: one row per job that is dead now, with the attempts its phase had so far.
--   A hook that raises is left out, since no job may outlive its bound for it; the message says so.
create or replace function :"schema".expire_jobs(p_limit integer default 100)
returns table (job_id uuid, type text, phase text, attempt integer, state text, code text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
-- The plan must not depend on statistics, and turning plans off must not turn the compiler on.
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_job_id bigint;
  v_next timestamptz;
begin
  for v_job_id in
    select e.job_id from :"schema".expiry as e where e.look_at <= v_now order by e.look_at, e.job_id limit p_limit
  loop
    v_next := :"schema".judge_expiry(v_job_id, v_now);
    if v_next is null then
      delete from :"schema".expiry as e where e.job_id = v_job_id;
    elsif v_next > v_now then
      update :"schema".expiry as e set look_at = v_next where e.job_id = v_job_id;
    elsif v_next = v_now and :"schema".take_family(v_job_id) then
      -- Trouble of the server, met by the hook, must not keep the others from their end.
      begin
        perform :"schema".stop_job(v_job_id, 'expire', 'expired', 'Its time was over.', true);
      exception when others or assert_failure then
        if :"schema".is_server_trouble(sqlstate) then
          raise warning 'expire_jobs: job % could not be moved (SQLSTATE %)', v_job_id, sqlstate;
          update :"schema".expiry as e set look_at = v_now + interval '10 seconds' where e.job_id = v_job_id;
          continue;
        end if;
        perform :"schema".stop_job(
          v_job_id, 'expire', 'expired',
          format('Its time was over. The hook of this job''s type raised SQLSTATE %s.', sqlstate), false
        );
      end;
      delete from :"schema".expiry as e where e.job_id = v_job_id;
      return query
        select j.public_id, j.type, s.phase, coalesce(max(a.attempt), 0), s.state, s.code
        from :"schema".job as j
        join :"schema".stopped as s on s.job_id = j.id
        left join :"schema".attempt as a on a.job_id = j.id and a.phase = s.phase
        where j.id = v_job_id group by j.public_id, j.type, s.phase, s.state, s.code;
    end if;
  end loop;
end
$$;
