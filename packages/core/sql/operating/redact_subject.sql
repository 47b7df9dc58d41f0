-- Erases a subject, a learner say: payloads, results, parts, messages and keys of all jobs that were enqueued for it, with
-- the subject itself and the tenant, and the reasons that operators gave for what they did to them. Live jobs are cancelled
-- first, and their hooks are called. For the schema's owner; grant it with care. What is being enqueued at this moment is
-- not seen: call it when nothing more comes.
--   Locks: everything that belongs to those jobs. Index: job (subject).
--   Answers: how many jobs were erased (none at the second call), how many of them were live, and how many results and
--   parts are gone. A hook that raises undoes all of it, and the error is the caller's.
create or replace function :"schema".redact_subject(
  p_subject text, out jobs integer, out cancelled integer, out results integer
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids bigint[] := array(select id from :"schema".job where subject = p_subject);
begin
  jobs := cardinality(v_ids);
  perform :"schema".forget_reasons('{}', p_subject);
  select r.cancelled, r.results into strict cancelled, results from :"schema".redact_jobs(v_ids) as r;
end
$$;
