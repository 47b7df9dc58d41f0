-- A result or a page that an earlier job was given for the very same question. It is the job's own row: whatever erases
-- or deletes that job, takes the answer along.
--   p_question: 64 hexadecimal digits, over program, model and all that was asked.
--   Index: learning_result_question.
--   Answers: output and provenance of the newest; no row when there is none.
create or replace function :"schema".learning_recall_answer(p_question text)
returns table (output jsonb, provenance jsonb)
language sql stable security definer set search_path = pg_catalog, pg_temp
-- The plan must not depend on statistics, and turning plans off must not turn the compiler on.
set enable_seqscan = off set jit = off
as $$
  select r.output, r.provenance from :"schema".result as r
  where r.provenance ->> 'question' = p_question
  order by r.job_id desc limit 1
$$;
