-- Erases what jobs hold, and why operators did something to them, and leaves what happened: type, states, times, codes.
-- Live ones are cancelled first, with the code `redacted`, so that nobody writes anything after. Private; see
-- redact_subject.
--   Locks: the jobs' lease or ready rows, then all that is theirs. Indexes: those by job_id.
--   Answers: how many were cancelled, and how many results and parts are gone. A hook that raises undoes all of it, and
--   the error is the caller's.
create or replace function :"schema".redact_jobs(p_job_ids bigint[], out cancelled integer, out results integer)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
-- Turning plans off must not turn the compiler on.
set enable_seqscan = off set jit = off
as $$
declare
  v_job_id bigint;
begin
  cancelled := 0;
  -- All of them first: nobody may hold a parent's row and wait for a job's.
  perform from :"schema".lease where job_id = any (p_job_ids) order by job_id for update;
  perform from :"schema".ready where job_id = any (p_job_ids) order by job_id for update;
  perform from :"schema".waiting where job_id = any (p_job_ids) order by job_id for update;
  perform :"schema".hold_families(p_job_ids);
  for v_job_id in select j.id from :"schema".job as j where j.id = any (p_job_ids) order by j.id loop
    if :"schema".stop_job(v_job_id, 'cancel', 'redacted', null, true) = 'ok' then
      cancelled := cancelled + 1;
    end if;
  end loop;
  -- From here on none of them is live: what was being written has been, and is seen by the statements below.
  delete from :"schema".result where job_id = any (p_job_ids);
  get diagnostics results = row_count;
  delete from :"schema".signal where job_id = any (p_job_ids);
  update :"schema".attempt set message = null where job_id = any (p_job_ids) and message is not null;
  update :"schema".job_counter set last_message = null where job_id = any (p_job_ids) and last_message is not null;
  update :"schema".stopped set message = null where job_id = any (p_job_ids) and message is not null;
  update :"schema".job
  set payload = '{}', tenant = null, subject = null, unique_key = null, idempotency_key = null, trace = null
  where id = any (p_job_ids);
  perform :"schema".forget_reasons(p_job_ids, null);
end
$$;
