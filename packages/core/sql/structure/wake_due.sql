-- Wakes the jobs whose wait is over by time, and does what was left for it because a row was somebody else's: see
-- cancel_children and wake_parent. Any number of workers may call it; what one of them looks at, the others pass over.
--   p_limit: jobs looked at in one call.
--   Locks: the job's row and the waiting row, in the order of signal_job, and the parents' rows, skipping those somebody
--   else holds. Index: waiting (wake_at), parent (job_id) where duty is not null.
--   Answers: how many jobs it woke by time.
create or replace function :"schema".wake_due(p_limit integer default 100) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_job_id bigint;
  v_parent :"schema".parent;
  v_count integer := 0;
begin
  for v_job_id in
    select job_id from :"schema".waiting where wake_at <= v_now order by wake_at limit p_limit
  loop
    begin
      v_count := v_count + :"schema".wake_late(v_job_id, v_now)::integer;
    exception when others or assert_failure then
      raise warning 'wake_due: job % could not be woken (SQLSTATE %)', v_job_id, sqlstate;
    end;
  end loop;
  for v_parent in
    select * from :"schema".parent where duty is not null order by job_id limit p_limit for update skip locked
  loop
    begin
      if v_parent.duty = 'cancel' then
        perform :"schema".cancel_children(v_parent.job_id);
      else
        update :"schema".parent set duty = null where job_id = v_parent.job_id returning * into v_parent;
        perform :"schema".wake_parent(v_parent);
      end if;
    exception when others or assert_failure then
      raise warning 'wake_due: the family of job % could not be minded (SQLSTATE %)', v_parent.job_id, sqlstate;
    end;
  end loop;
  return v_count;
end
$$;
