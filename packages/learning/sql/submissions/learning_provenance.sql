-- What made a submission's result, by phase. When earlier attempts had read every page, the attempt that put them
-- together asked no model: then the last page that was read says which one it was. The hash of
-- what was asked stays with the job. Private.
create or replace function :"schema".learning_provenance(p_job_id bigint) returns jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select jsonb_object_agg(r.phase, coalesce((
    select p.provenance from :"schema".result as p
    where p.job_id = r.job_id and p.phase = r.phase and p.phase = 'vision' and p.part > 0 and p.provenance ? 'model'
    order by p.part desc limit 1
  ), '{}') || r.provenance - 'question')
  from :"schema".result as r where r.job_id = p_job_id and r.part = 0
$$;
