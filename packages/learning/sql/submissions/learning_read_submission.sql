-- The same as learning_read_submission_v2 without its flags, for workers that do not know of them.
--   Answers: one row, or none. This is content: the result is the learner's.
create or replace function :"schema".learning_read_submission(p_id uuid)
returns table (
  id uuid, kind text, mime_type text, status text, error_code text, text_body text, feedback_md text, analysis jsonb,
  path text, needs_review boolean, provenance jsonb, job_id uuid
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select s.id, s.kind, s.mime_type, s.analysis_status, s.error_code, s.text_body, s.feedback_md, s.analysis_json,
    s.analysis_path, s.needs_review, s.provenance,
    (
      select j.public_id from :"schema".job as j
      where j.type = 'learning.submission' and j.payload ->> 'submissionId' = p_id::text order by j.id desc limit 1
    )
  from public.learning_submissions as s where s.id = p_id
$$;
