-- What the phases of a job returned, with where it comes from. This is content: grant it with care.
--   Index: job (public_id), result (job_id, phase, part).
--   Answers: phase, output, provenance, one row per finished phase.
create or replace function :"schema".get_results(p_id uuid)
returns table (phase text, output jsonb, provenance jsonb)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select r.phase, r.output, r.provenance
  from :"schema".job as j join :"schema".result as r on r.job_id = j.id and r.part = 0
  where j.public_id = p_id order by r.saved_at, r.phase
$$;
