-- One row per leased job, with what it told last of how far it is. No payload, no result, no token.
create or replace view :"schema".running_jobs as
select
  j.public_id as id, j.type, j.queue, n.phase, l.attempt, l.worker, l.started_at, l.until as leased_until,
  p.stage, p.parts_done, p.parts_total, p.tokens, p.fraction, p.at as told_at
from :"schema".lease as l
join :"schema".job as j on j.id = l.job_id
join :"schema".lane as n on n.id = l.lane_id
-- What was told under another lease, or of the phase before, is not about this one.
left join :"schema".lease_progress as p
  on p.job_id = l.job_id and p.token = l.token and p.phase = n.phase;
