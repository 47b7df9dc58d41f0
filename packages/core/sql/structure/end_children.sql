-- Tells the parents of jobs that they have ended, and wakes those that waited for nothing else. Private; for jobs that are
-- nobody's children it is one look into an index.
--   p_state: completed, failed, dead, cancelled.
--   Locks: the child rows and the parents', newest first, after the rows of the jobs themselves; nobody who holds a
--   parent's row waits for a job's. Index: child (job_id), parent (job_id).
create or replace function :"schema".end_children(p_job_ids bigint[], p_state text) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
-- The plan must not depend on statistics.
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_ended record;
  v_parent :"schema".parent;
begin
  for v_ended in
    with ended as (
      update :"schema".child as c set state = p_state
      where c.job_id = any (p_job_ids) and c.state is null returning c.parent_id
    )
    select e.parent_id, count(*)::integer as ct from ended as e group by e.parent_id order by e.parent_id desc
  loop
    update :"schema".parent set
      open = open - v_ended.ct, failed = failed + case when p_state = 'completed' then 0 else v_ended.ct end
    where job_id = v_ended.parent_id returning * into v_parent;
    -- A parent that ended long ago may have been deleted.
    if found then
      perform :"schema".wake_parent(v_parent);
    end if;
  end loop;
end
$$;
