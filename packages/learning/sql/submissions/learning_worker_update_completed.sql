-- Stores what both phases found. Does nothing for a submission that is final already.
create or replace function public.learning_worker_update_completed(
  p_submission_id uuid, p_text_body text, p_feedback_md text, p_analysis_json jsonb
) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  update public.learning_submissions set
    analysis_status = 'completed', text_body = p_text_body, feedback_md = p_feedback_md,
    analysis_json = p_analysis_json, error_code = null, completed_at = :"schema".clock(),
    vision_attempts = vision_attempts + 1, vision_last_error = null, feedback_last_error = null,
    vision_last_attempt_at = :"schema".clock(), feedback_last_attempt_at = :"schema".clock()
  where id = p_submission_id and analysis_status in ('pending', 'extracted')
$$;
