-- Who works: every worker that was seen in the last month.
--   state: live (seen within three of its intervals), silent (not seen since, and it did not say that it stopped) or
--   stopped. in_flight and abandoned are as of seen_at.
create or replace view :"schema".workers as
select w.id, w.name,
  case when w.stopped_at is not null then 'stopped'
    when w.seen_at < t.now - 3 * w.interval_ms * interval '1 millisecond' then 'silent'
    else 'live' end as state,
  w.version, w.types, w.slots, w.in_flight, w.abandoned, w.started_at, w.seen_at, w.stopped_at
from :"schema".worker as w cross join (select :"schema".clock() as now) as t;
