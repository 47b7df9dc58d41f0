-- Says whose children new jobs are. Private; see enqueue_jobs.
--   p_ids, p_parent_ids: pairs by position.
--   Locks: the new child rows, and the parents', newest first. Indexes: job (public_id), parent (job_id).
--   Raises 55000 when a parent has ended, or was never there.
create or replace function :"schema".add_children(p_ids uuid[], p_parent_ids uuid[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  insert into :"schema".child (job_id, parent_id)
  select j.id, p.id from unnest(p_ids, p_parent_ids) as c (id, parent_id)
  join :"schema".job as j on j.public_id = c.id
  join :"schema".job as p on p.public_id = c.parent_id
  where exists (
    select from :"schema".lease where job_id = p.id union all select from :"schema".ready where job_id = p.id
    union all select from :"schema".waiting where job_id = p.id
  );
  if (select count(*) from unnest(p_ids) as c (id) join :"schema".job as j on j.public_id = c.id
      join :"schema".child as k on k.job_id = j.id) < cardinality(p_ids) then
    raise exception using errcode = '55000', message = 'enqueue_jobs: the parent of a job has ended or is not there';
  end if;
  insert into :"schema".parent as f (job_id, open)
  select p.id, count(*) from unnest(p_parent_ids) as c (parent_id)
  join :"schema".job as p on p.public_id = c.parent_id group by p.id order by p.id desc
  on conflict (job_id) do update set open = f.open + excluded.open;
end
$$;
