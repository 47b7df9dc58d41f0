-- A submission as far as the worker is concerned, with the id of its newest job.
--   Answers: one row, or none. This is content: the result is the learner's.
create or replace function :"schema".learning_read_submission_v2(p_id uuid)
returns table (
  id uuid, kind text, mime_type text, status text, error_code text, text_body text, feedback_md text, analysis jsonb,
  path text, needs_review boolean, provenance jsonb, job_id uuid, review_flags jsonb
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select r.id, r.kind, r.mime_type, r.status, r.error_code, r.text_body, r.feedback_md, r.analysis, r.path,
    r.needs_review, r.provenance, r.job_id, coalesce(to_jsonb(s.review_flags), '[]')
  from :"schema".learning_read_submission(p_id) as r join public.learning_submissions as s on s.id = r.id
$$;
