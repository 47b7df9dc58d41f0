-- What ended badly, in groups: for people, and for get_dead_letters. No content.
--   ct: jobs. first_at, last_at: when they ended. sample_id: the newest of them.
create or replace view :"schema".dead_letters as
select g.queue, g.type, g.phase, g.state, g.code, g.ct, g.first_at, g.last_at, n.public_id as sample_id
from (
  select j.queue, j.type, s.phase, s.state, s.code, count(*)::integer as ct, min(s.finished_at) as first_at,
    max(s.finished_at) as last_at, max(s.job_id) as newest
  from :"schema".stopped as s join :"schema".job as j on j.id = s.job_id
  where s.state in ('failed', 'dead')
  group by j.queue, j.type, s.phase, s.state, s.code
) as g
join :"schema".job as n on n.id = g.newest;
