-- A host's job table as a view over the real thing; see renderCompatibilityView, which fills in the places. Reading shows
-- where jobs are; completed and cancelled ones have no row, and cost nothing however many there are. Writing means what an
-- operator means by it: see compatibility_write. It calls no function of ours, so that a right to read the view is enough
-- to read it.
--   lease_key: tells leases apart and is not the token, so that whoever reads it can write nothing.
--   Indexes: job (id), stopped (state, finished_at), job_counter (job_id, phase).
create or replace view :{view} as
select
  :{columns}
from (
  select r.job_id, :{queued} as status, r.due_at, null as worker, null::uuid as lease_key,
    null::timestamptz as leased_until, null as phase, null as code, null::timestamptz as moved_at
  from :"schema".ready as r
  :{waiting}
  union all
  select l.job_id, :{leased}, l.leased_at, l.worker, left(encode(sha256(uuid_send(l.token)), 'hex'), 32)::uuid,
    l.until, null, null, l.leased_at
  from :"schema".lease as l
  union all
  -- Two, so that a look for another status passes both over.
  select s.job_id, :{failed}, s.finished_at, s.worker, null, null, s.phase, s.code, s.finished_at
  from :"schema".stopped as s where s.state = 'failed'
  union all
  select s.job_id, :{dead}, s.finished_at, s.worker, null, null, s.phase, s.code, s.finished_at
  from :"schema".stopped as s where s.state = 'dead'
) as p
join :"schema".job as j on j.id = p.job_id
left join lateral (
  select sum(k.failures) as failures, max(k.last_at) as last_at
  from :"schema".job_counter as k where k.job_id = j.id
) as c on true
where j.type = :{type} and :{only};
revoke all on :{view} from public;
