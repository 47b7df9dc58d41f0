-- Wakes a job whose children it waits for no longer. Private; the caller holds the lock on its parent row, and has just
-- written it.
--   Locks: the waiting row, unless somebody else does: who cancels a job holds that row and wants those of its children.
--   He may still change his mind, so wake_due looks again.
create or replace function :"schema".wake_parent(p_parent :"schema".parent) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_waiting :"schema".waiting;
begin
  if p_parent.open > 0 and p_parent.failed = 0 then
    return;
  end if;
  select * into v_waiting from :"schema".waiting
  where job_id = p_parent.job_id and reason = 'children' and (p_parent.open <= 0 or fails_fast);
  if not found then
    return;
  end if;
  perform from :"schema".waiting where job_id = p_parent.job_id for update skip locked;
  if found then
    delete from :"schema".waiting where job_id = p_parent.job_id;
    perform :"schema".wake_job(v_waiting);
  else
    update :"schema".parent set duty = 'wake' where job_id = p_parent.job_id and duty is null;
  end if;
end
$$;
