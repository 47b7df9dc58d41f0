-- The children of a job and how they are, for the holder of its lease only. No content.
--   Index: lease (job_id), child (parent_id, job_id), stopped (job_id).
--   Answers: one row per child in the order they were added: id, type, state as in job_overview, and the code of one
--   that did not complete. None when there are none or the lease is lost.
create or replace function :"schema".list_children(p_job_id bigint, p_token uuid)
returns table (id uuid, type text, state text, code text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select j.public_id, j.type, coalesce(
      c.state, (select 'leased' from :"schema".lease as o where o.job_id = c.job_id),
      (select 'queued' from :"schema".ready as o where o.job_id = c.job_id), 'waiting'
    ), s.code
  from :"schema".lease as l
  join :"schema".child as c on c.parent_id = l.job_id
  join :"schema".job as j on j.id = c.job_id
  left join :"schema".stopped as s on s.job_id = c.job_id
  where l.job_id = p_job_id and l.token = p_token order by c.job_id
$$;
