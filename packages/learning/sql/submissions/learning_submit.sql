-- Stores a submission and enqueues its work in one go, for a host that has no web application of its own.
--   p_submission: { student_sub, kind, criteria, … as in learning_enqueue; text_body for kind text, or storage_key,
--   mime_type, size_bytes and sha256; optional id, course_id, task_id, idempotency_key }.
--   Answers: the submission's id and the job's id. The same id again changes nothing and answers the same.
create or replace function :"schema".learning_submit(
  p_submission jsonb, out submission_id uuid, out job_id uuid
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_new public.learning_submissions := jsonb_populate_record(null::public.learning_submissions, p_submission);
begin
  submission_id := coalesce(v_new.id, gen_random_uuid());
  perform :"schema".learning_payload(v_new, p_submission);
  insert into public.learning_submissions (
    id, course_id, task_id, student_sub, kind, text_body, storage_key, mime_type, size_bytes, sha256, idempotency_key
  )
  values (
    submission_id, v_new.course_id, v_new.task_id, v_new.student_sub, v_new.kind, v_new.text_body, v_new.storage_key,
    v_new.mime_type, v_new.size_bytes, v_new.sha256, v_new.idempotency_key
  )
  -- Only the same id means the same submission: what else a host's table keeps unique is an error.
  on conflict (id) do nothing;
  if not found then
    select j.public_id into job_id from :"schema".job as j
    where j.type = 'learning.submission' and j.payload ->> 'submissionId' = submission_id::text
    order by j.id desc limit 1;
  end if;
  job_id := coalesce(job_id, :"schema".learning_enqueue(submission_id, p_submission));
end
$$;
