-- The backlog per queue, type and state, for people, probes and scrapes. Only due jobs age: a job that waits for its
-- time or for something else, or is done, is not late.
--   ct: jobs. high_retry_ct: jobs with more than three charged failures. outage_ct: jobs that met a backend that was
--   down. p95_age_sec, oldest_age_sec: of due jobs.
create or replace view :"schema".queue_health as
with live as (
  select r.job_id, r.lane_id, case when r.due_at <= t.now then 'due' else 'delayed' end as state,
    case when r.due_at <= t.now then extract(epoch from t.now - r.due_at) end as age_sec
  from :"schema".ready as r cross join (select :"schema".clock() as now) as t
  union all
  select l.job_id, l.lane_id, 'leased', null from :"schema".lease as l
  union all
  select w.job_id, w.lane_id, 'waiting', null from :"schema".waiting as w
)
select n.queue, n.type, v.state, count(*)::integer as ct,
  count(*) filter (where f.failures > 3)::integer as high_retry_ct,
  count(*) filter (where f.outages > 0)::integer as outage_ct,
  percentile_disc(0.95) within group (order by v.age_sec)::double precision as p95_age_sec,
  max(v.age_sec)::double precision as oldest_age_sec
from live as v
join :"schema".lane as n on n.id = v.lane_id
left join lateral (
  select sum(k.failures) as failures, sum(k.outages) as outages from :"schema".job_counter as k where k.job_id = v.job_id
) as f on true
group by n.queue, n.type, v.state;
