-- What jobs compete for, for people and for get_resources: how many at once, how many now, and whether it is away.
--   concurrency, places: null where there is no bound. open_until: when one job may look whether it is back; infinity when
--   an operator must say so. probe: the job that looks. outages: since it last was back for a while.
create or replace view :"schema".resources as
select
  r.name, r.concurrency_max as concurrency, w.state, case when w.state <> 'closed' then r.code end as code,
  case when w.state = 'open' then r.open_until end as open_until, r.outages,
  (select count(*) from :"schema".lease as l where l.resource = r.name and l.resource <> '')::integer as leased, w.places,
  case when w.state = 'half_open' then (select j.public_id from :"schema".job as j where j.id = r.probe_job_id) end as probe,
  r.changed_at
from :"schema".resource as r
cross join lateral :"schema".weigh_resource(r, :"schema".clock()) as w;
