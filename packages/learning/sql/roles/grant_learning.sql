-- The runbook's tables and functions for the runbook's roles. Neither of them touches a table: the worker submits and
-- reads back through functions, and its application role is a member's role, so a table granted to that one would be
-- granted to the worker too. A host grants its own web login what that needs.
alter table public.learning_submissions owner to :"owner";
alter view public.learning_submission_jobs owner to :"owner";
alter function public.learning_worker_update_completed(uuid, text, text, jsonb) owner to :"owner";
alter function public.learning_worker_update_failed(uuid, text, text) owner to :"owner";
alter function public.learning_worker_mark_retry(uuid, text, text, timestamptz) owner to :"owner";
alter function public.learning_worker_health_probe() owner to :"owner";
-- The next migrate writes these functions anew, as the owner, who logs in never.
grant usage, create on schema public to :"owner";
grant execute on function public.learning_worker_health_probe() to :"limited";
grant execute on function :"schema".learning_score_alarms, :"schema".learning_health to :"limited";
grant execute on function
  :"schema".learning_submit, :"schema".learning_read_submission, :"schema".learning_read_submission_v2,
  :"schema".learning_forget_scores, :"schema".learning_recall_answer
to :"worker";
