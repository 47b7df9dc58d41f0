-- The runbook's job table as a view over the real thing. Reading shows where jobs are; completed and cancelled jobs
-- have no row, as in the runbook. Writing means what an operator means by it: see learning_jobs_write. It calls no
-- function of ours, so that a right to read the view is enough to read it.
--   lease_key: tells leases apart and is not the token, so that whoever reads it can write nothing.
create or replace view public.learning_submission_jobs as
select
  j.public_id as id,
  (j.payload ->> 'submissionId')::uuid as submission_id,
  jsonb_build_object('submission_id', j.payload ->> 'submissionId', 'kind', j.payload ->> 'kind') as payload,
  case when s.job_id is not null then 'failed' when l.job_id is not null then 'leased' else 'queued' end as status,
  coalesce(c.failures, 0)::integer as retry_count,
  coalesce(r.due_at, l.leased_at, s.finished_at) as visible_at,
  left(encode(sha256(uuid_send(l.token)), 'hex'), 32)::uuid as lease_key,
  l.until as leased_until,
  -- As in learning_error_code.
  case when s.code in ('input_corrupt', 'input_unsupported', 'input_too_large') then s.code
    else s.phase || '_failed' end as error_code,
  j.created_at,
  coalesce(s.finished_at, l.leased_at, c.last_at, j.created_at) as updated_at
from :"schema".job as j
left join :"schema".settled as s on s.job_id = j.id
left join :"schema".lease as l on l.job_id = j.id
left join :"schema".ready as r on r.job_id = j.id
left join lateral (
  select sum(k.failures) as failures, max(k.last_at) as last_at
  from :"schema".job_counter as k where k.job_id = j.id
) as c on true
where j.type = 'learning.submission' and j.payload ? 'submissionId'
  and (s.job_id is null or s.state in ('failed', 'dead'));
revoke all on public.learning_submission_jobs from public;
