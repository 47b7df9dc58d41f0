-- Whether a job's time is over, with the job locked so that nobody moves it meanwhile. Private; see expire_jobs.
--   Locks: the job's lease, ready or waiting row, unless somebody else holds it.
--   Answers: p_now when the job must end, a later time when there is to be another look, null when nothing is left to
--   look for, and -infinity when somebody else is at it.
create or replace function :"schema".judge_expiry(p_job_id bigint, p_now timestamptz) returns timestamptz
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_bound :"schema".expiry;
  v_leased_at timestamptz;
  v_is_leased boolean;
  v_is_ready boolean := false;
begin
  select l.leased_at into v_leased_at from :"schema".lease as l where l.job_id = p_job_id for update skip locked;
  v_is_leased := found;
  if not v_is_leased then
    perform from :"schema".ready as r where r.job_id = p_job_id for update skip locked;
    v_is_ready := found;
  end if;
  if not (v_is_leased or v_is_ready) then
    perform from :"schema".waiting as w where w.job_id = p_job_id for update skip locked;
    v_is_ready := found;
  end if;
  -- After the lock: whoever had it may have given the job another bound, or taken it away.
  select * into v_bound from :"schema".expiry as e where e.job_id = p_job_id and e.look_at <= p_now;
  if not found then
    return '-infinity';
  elsif not (v_is_leased or v_is_ready) then
    perform from :"schema".lease as l where l.job_id = p_job_id
    union all select from :"schema".ready as r where r.job_id = p_job_id
    union all select from :"schema".waiting as w where w.job_id = p_job_id;
    return case when found then '-infinity' end;
  elsif v_bound.end_by <= p_now then
    return p_now;
  elsif exists (select from :"schema".attempt as a where a.job_id = p_job_id) then
    return v_bound.end_by;
  elsif v_is_ready or v_leased_at > v_bound.start_by + interval '1 minute' then
    return p_now;
  end if;
  -- Its first run: it has started, unless the claim is given back. Until then it stays under watch.
  return least(v_bound.end_by, p_now + interval '1 minute');
end
$$;
