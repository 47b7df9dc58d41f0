-- Cancels the children of a job that was stopped, and theirs. Private; see cancel_job.
--   Locks: the row in which they are counted, first of all; then the rows of the children and those in which theirs are
--   counted, skipping what somebody else holds, such as who ends one of them at this moment: he may want a row that the
--   caller holds. wake_due does those later. Index: child (parent_id, job_id), parent (job_id).
--   A hook of a child that raises undoes all of it, and the error is the caller's.
create or replace function :"schema".cancel_children(p_parent_id bigint) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_child record;
begin
  perform from :"schema".parent where job_id = p_parent_id for update;
  if not found then
    return;
  end if;
  for v_child in
    select c.job_id, j.public_id from :"schema".child as c join :"schema".job as j on j.id = c.job_id
    where c.parent_id = p_parent_id and c.state is null order by c.job_id desc
  loop
    perform from :"schema".lease where job_id = v_child.job_id for update skip locked;
    if not found then
      perform from :"schema".ready where job_id = v_child.job_id for update skip locked;
    end if;
    if not found then
      perform from :"schema".waiting where job_id = v_child.job_id for update skip locked;
    end if;
    if found and :"schema".take_family(v_child.job_id) then
      perform :"schema".cancel_job(v_child.public_id);
    end if;
  end loop;
  update :"schema".parent set duty = case when open > 0 then 'cancel' end where job_id = p_parent_id;
end
$$;
