-- The runbook's job table as a view over the real thing. Reading shows where jobs are; completed and cancelled jobs
-- have no row, as in the runbook, and cost nothing however many there are. Writing means what an operator means by it:
-- see learning_jobs_write. It calls no function of ours, so that a right to read the view is enough to read it.
--   lease_key: tells leases apart and is not the token, so that whoever reads it can write nothing.
--   Indexes: job (id), stopped (state, finished_at), job_counter (job_id, phase).
create or replace view public.learning_submission_jobs as
select
  j.public_id as id,
  (j.payload ->> 'submissionId')::uuid as submission_id,
  jsonb_build_object('submission_id', j.payload ->> 'submissionId', 'kind', j.payload ->> 'kind') as payload,
  p.status,
  coalesce(c.failures, 0)::integer as retry_count,
  p.visible_at,
  p.lease_key,
  p.leased_until,
  p.error_code,
  j.created_at,
  coalesce(p.moved_at, c.last_at, j.created_at) as updated_at
from (
  select r.job_id, 'queued' as status, r.due_at as visible_at, null::uuid as lease_key,
    null::timestamptz as leased_until, null as error_code, null::timestamptz as moved_at
  from :"schema".ready as r
  union all
  select l.job_id, 'leased', l.leased_at, left(encode(sha256(uuid_send(l.token)), 'hex'), 32)::uuid,
    l.until, null, l.leased_at
  from :"schema".lease as l
  union all
  -- As in learning_error_code.
  select s.job_id, 'failed', s.finished_at, null, null,
    case when s.code in ('input_corrupt', 'input_unsupported', 'input_too_large') then s.code
      else s.phase || '_failed' end,
    s.finished_at
  from :"schema".stopped as s where s.state in ('failed', 'dead')
) as p
join :"schema".job as j on j.id = p.job_id
left join lateral (
  select sum(k.failures) as failures, max(k.last_at) as last_at
  from :"schema".job_counter as k where k.job_id = j.id
) as c on true
where j.type = 'learning.submission' and j.payload ? 'submissionId';
revoke all on public.learning_submission_jobs from public;
