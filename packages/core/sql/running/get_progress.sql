-- How far a running job is, as its worker told with the last renewal.
--   Index: job (public_id), lease (job_id), lease_progress (job_id).
--   Answers: one row as in running_jobs; none when the job does not run, or told nothing.
create or replace function :"schema".get_progress(p_id uuid)
returns table (
  stage text, parts_done integer, parts_total integer, tokens bigint, fraction real, told_at timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select r.stage, r.parts_done, r.parts_total, r.tokens, r.fraction, r.told_at
  from :"schema".running_jobs as r where r.id = p_id and r.told_at is not null
$$;
