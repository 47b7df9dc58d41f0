-- One row per job with its state in words, for people and for get_job. No payload, no result, no token.
create or replace view :"schema".job_overview as
select
  j.public_id as id, j.type, j.version, j.queue, j.priority, j.tenant, j.created_at,
  case when s.job_id is not null then s.state when l.job_id is not null then 'leased'
    when r.job_id is not null then 'queued' when w.job_id is not null then 'waiting' else 'completed' end as state,
  coalesce(s.phase, n.phase, a.phase) as phase,
  coalesce(l.attempt, r.attempt, w.attempt, a.attempt, 0) as attempt,
  r.due_at, l.worker, l.until as leased_until, coalesce(s.finished_at, a.finished_at) as finished_at,
  coalesce(s.code, c.last_code) as code, coalesce(s.message, c.last_message) as message,
  coalesce(c.failures, 0) as failures, coalesce(c.losses, 0) as losses, coalesce(c.outages, 0) as outages,
  w.reason as waiting_reason, w.name as waiting_name, w.wake_at
from :"schema".job as j
left join :"schema".stopped as s on s.job_id = j.id
left join :"schema".lease as l on l.job_id = j.id
left join :"schema".ready as r on r.job_id = j.id
left join :"schema".waiting as w on w.job_id = j.id
left join :"schema".lane as n on n.id = coalesce(l.lane_id, r.lane_id, w.lane_id)
left join lateral (
  select t.phase, t.attempt, t.finished_at from :"schema".attempt as t
  where t.job_id = j.id and t.phase = coalesce(s.phase, t.phase) order by t.finished_at desc, t.attempt desc limit 1
) as a on n.id is null
left join lateral (
  select sum(k.failures) as failures, sum(k.losses) as losses, sum(k.outages) as outages,
    (array_agg(k.last_code order by k.last_at desc))[1] as last_code,
    (array_agg(k.last_message order by k.last_at desc))[1] as last_message
  from :"schema".job_counter as k where k.job_id = j.id
) as c on true;
