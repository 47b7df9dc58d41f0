-- Ends a submission without a result. Does nothing for one that is final already.
--   p_error_code: vision_failed | feedback_failed | input_corrupt | input_unsupported | input_too_large.
--   p_last_error: the product's own words, cut to 1,024 characters.
create or replace function public.learning_worker_update_failed(
  p_submission_id uuid, p_error_code text, p_last_error text
) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if p_error_code is null or p_error_code not in (
    'vision_failed', 'feedback_failed', 'input_corrupt', 'input_unsupported', 'input_too_large'
  ) then
    raise exception using errcode = '22023', message = 'learning_worker_update_failed: unknown p_error_code';
  end if;
  update public.learning_submissions set
    analysis_status = 'failed', analysis_json = null, error_code = p_error_code,
    completed_at = :"schema".clock(),
    vision_last_error = case when p_error_code = 'feedback_failed' then vision_last_error
      else left(p_last_error, 1024) end,
    feedback_last_error = case when p_error_code = 'feedback_failed' then left(p_last_error, 1024)
      else feedback_last_error end,
    vision_attempts = vision_attempts + (p_error_code = 'vision_failed')::integer
  where id = p_submission_id and analysis_status in ('pending', 'extracted');
end
$$;
