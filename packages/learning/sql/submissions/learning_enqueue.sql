-- Enqueues the work on a submission that is in the table, in the caller's transaction. At most one live job per
-- submission.
--   p_request: { criteria: array of names, or of { name, max_score (1 to 10, 10) }; and, optional: instruction_md,
--   hints_md (never shown to the learner), language (de | en, de) }. Without criteria there is one: the whole.
--   p_job_id: chosen by the caller, or null. p_delay_ms: not before.
--   Locks: the submission against deletion.
--   Answers: the job's id, also when there is one already. Raises P0002 when there is no such submission, 55000 when it
--   is completed or failed (its result would have nowhere to go: its job can be requeued), 22023 for a bad request.
create or replace function :"schema".learning_enqueue(
  p_submission_id uuid, p_request jsonb, p_job_id uuid default null, p_delay_ms bigint default 0
) returns uuid
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_submission public.learning_submissions;
  v_is_text boolean;
  v_id uuid;
begin
  select * into v_submission from public.learning_submissions where id = p_submission_id for key share;
  if not found then
    raise exception using errcode = 'P0002', message = 'learning_enqueue: there is no such submission';
  elsif v_submission.analysis_status not in ('pending', 'extracted') then
    raise exception using errcode = '55000', message = format(
      'learning_enqueue: the submission is %s; requeue_job gives a failed one a new start', v_submission.analysis_status
    );
  end if;
  v_is_text := v_submission.kind = 'text';
  select e.id into strict v_id from :"schema".enqueue_jobs(jsonb_build_array(jsonb_build_object(
    'id', p_job_id, 'type', 'learning.submission', 'version', 1, 'queue', 'learning',
    'payload', :"schema".learning_payload(v_submission, p_request),
    'uniqueKey', v_submission.id, 'subject', v_submission.student_sub, 'delayMs', p_delay_ms,
    'phase', case when v_is_text then 'feedback' else 'vision' end,
    -- What the pipeline's own start says of a text: there is nothing to look at.
    'skipped', case when v_is_text then jsonb_build_object('vision', jsonb_build_object(
      'output', jsonb_build_object('text', v_submission.text_body, 'pages', jsonb_build_array(jsonb_build_object(
        'page', 1, 'source', 'given', 'characters', length(v_submission.text_body)
      ))),
      'provenance', '{"skipped": "text_submission"}'::jsonb
    )) else '{}' end
  ))) as e;
  if not exists (
    select from :"schema".job
    where public_id = v_id and type = 'learning.submission' and payload ->> 'submissionId' = v_submission.id::text
  ) then
    raise exception using errcode = '23505', message = 'learning_enqueue: p_job_id belongs to another job';
  end if;
  return v_id;
end
$$;
