-- Takes a subject out of what operators said: the reasons of what was done to its jobs, and whatever names it. Private; see
-- redact_subject.
--   Answers: nothing. What was done, when and by whom stays.
create or replace function :"schema".forget_reasons(p_job_ids bigint[], p_subject text) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  update :"schema".action as a
  set reason = null, target = case when strpos(a.target, nullif(p_subject, '')) > 0 then null else a.target end
  where strpos(a.reason, nullif(p_subject, '')) > 0 or strpos(a.target, nullif(p_subject, '')) > 0
    or a.target in (select j.public_id::text from :"schema".job as j where j.id = any (p_job_ids))
$$;
