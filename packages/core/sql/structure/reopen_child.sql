-- Tells the parent of a job that it has been given a new start, so that it waits for it again. A parent that went on
-- meanwhile is not disturbed. Private; the caller holds the lock on whatever ended the job.
--   Locks: the child row and the parent's. Index: child (job_id), parent (job_id).
create or replace function :"schema".reopen_child(p_job_id bigint) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_child :"schema".child;
begin
  select * into v_child from :"schema".child where job_id = p_job_id and state is not null for update;
  if not found then
    return;
  end if;
  update :"schema".child set state = null where job_id = p_job_id;
  update :"schema".parent set open = open + 1, failed = failed - (v_child.state <> 'completed')::integer
  where job_id = v_child.parent_id;
end
$$;
