-- Moves the submission with its job, in the same transaction, whoever moved the job: the worker, a lapse with no
-- worker alive, or somebody in psql.
--   Locks: the submission's row, after the lease's. Whoever deletes a submission locks them the other way round; this
--   side gives up before Postgres would see a deadlock, and its caller tries again.
create or replace function :"schema".learning_hook(
  p_job_id uuid, p_type text, p_from text, p_to text, p_phase text, p_code text, p_result jsonb
) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '500ms'
as $$
declare
  v_job_id bigint;
  v_submission_id uuid;
  v_alarm text;
begin
  select id, (payload ->> 'submissionId')::uuid into v_job_id, v_submission_id
  from :"schema".job where public_id = p_job_id;

  if p_to = 'completed' then
    v_alarm := :"schema".learning_watch_scores(v_job_id);
    -- Under the condition of learning_worker_update_completed: what stands beside a result belongs to that result.
    update public.learning_submissions set
      analysis_path = r.output ->> 'path',
      needs_review = (r.output ->> 'needsReview')::boolean or v_alarm is not null,
      review_flags = array_remove(array(
        select jsonb_array_elements_text(coalesce(r.output -> 'flags', '[]'))
      ) || v_alarm, null),
      provenance = :"schema".learning_provenance(v_job_id)
    from :"schema".result as r
    where id = v_submission_id and analysis_status in ('pending', 'extracted')
      and r.job_id = v_job_id and r.phase = 'feedback' and r.part = 0;
    perform public.learning_worker_update_completed(
      v_submission_id, v.output ->> 'text', f.output ->> 'feedbackMd', f.output -> 'analysis'
    ) from :"schema".result as v, :"schema".result as f
    where v.job_id = v_job_id and v.phase = 'vision' and v.part = 0
      and f.job_id = v_job_id and f.phase = 'feedback' and f.part = 0;
  elsif p_to in ('failed', 'dead') then
    perform public.learning_worker_update_failed(
      v_submission_id, :"schema".learning_error_code(p_phase, p_code), coalesce(s.message, p_code)
    ) from :"schema".stopped as s where s.job_id = v_job_id;
  elsif p_to = 'cancelled' then
    perform public.learning_worker_update_failed(
      v_submission_id, p_phase || '_failed', 'The job was cancelled by an operator.'
    );
  elsif p_to = 'queued' and p_from = 'leased' and p_code <> 'worker_stopping' then
    perform public.learning_worker_mark_retry(v_submission_id, p_phase, c.last_message, :"schema".clock())
    from :"schema".job_counter as c where c.job_id = v_job_id and c.phase = p_phase;
  elsif p_to = 'queued' and p_from <> 'leased' then
    -- Requeued: the submission is open again, unless another job gave it a result by now. When it is this very job that
    -- completed it and is replayed, its result stays where it is until there is a new one.
    update public.learning_submissions
    set analysis_status = 'pending', error_code = null, completed_at = null
    where id = v_submission_id and (analysis_status <> 'completed' or p_from = 'completed');
    if not found then
      raise exception using errcode = '55000', message = 'The submission is completed, or it is no longer there.';
    end if;
  end if;
end
$$;
