-- Notes that a phase will be tried again. Does nothing for a submission that is final already.
--   p_phase: vision | feedback. p_message: the product's own words, cut to 1,024 characters.
create or replace function public.learning_worker_mark_retry(
  p_submission_id uuid, p_phase text, p_message text, p_attempted_at timestamptz
) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if p_phase is null or p_phase not in ('vision', 'feedback') then
    raise exception using errcode = '22023', message = 'learning_worker_mark_retry: p_phase must be vision or feedback';
  end if;
  update public.learning_submissions set
    error_code = p_phase || '_retrying',
    vision_attempts = vision_attempts + (p_phase = 'vision')::integer,
    vision_last_error = case p_phase when 'vision' then left(p_message, 1024) else vision_last_error end,
    vision_last_attempt_at = case p_phase when 'vision' then p_attempted_at else vision_last_attempt_at end,
    feedback_last_error = case p_phase when 'feedback' then left(p_message, 1024) else feedback_last_error end,
    feedback_last_attempt_at = case p_phase when 'feedback' then p_attempted_at else feedback_last_attempt_at end
  where id = p_submission_id and analysis_status in ('pending', 'extracted');
end
$$;
