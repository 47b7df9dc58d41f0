-- What a job needs, when none of it bears another job now. A job that one live worker could run without, or with another
-- resource that is free, is not held up. Private; see explain_job.
--   Index: resource (name), pause (scope, name), and those of weigh_resource.
--   Answers: one row per resource, of cause paused, breaker_open, breaker_probing, resource_full or resource_slow; none otherwise.
create or replace function :"schema".explain_resources(p_lane :"schema".lane, p_now timestamptz)
returns table (cause text, sentence text, blocker text, until timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  with need as materialized (
    select g.resource, w.state, w.wait_ms, w.places, r.concurrency_max, r.code, r.open_until, r.probe_job_id,
      (select count(*) from :"schema".lease as l where l.resource = r.name and l.resource <> '') as leased
    from (select distinct o.resource, o.is_known from :"schema".live_runners(p_lane, p_now) as o) as g
    left join :"schema".resource as r on r.name = g.resource
    left join lateral :"schema".weigh_resource(r, p_now) as w on r.name is not null
  )
  select c.cause,
    case c.cause
      when 'paused' then format(
        'What it needs, %s, is paused since %s by %s', n.resource, :"schema".say_time(p.paused_at), p.paused_by
      ) || coalesce(' (' || p.reason || ')', '') || ': resume lets it go on.'
      when 'breaker_open' then format('What it needs, %s, is shut off with the code %s: ', n.resource, n.code)
        || case when c.until is null then 'close_breaker lets jobs go on.'
          else format('one job looks whether it is back at %s.', :"schema".say_time(c.until)) end
      when 'breaker_probing' then format(
        'What it needs, %s, was away with the code %s: job %s looks whether it is back.', n.resource, n.code,
        (select j.public_id from :"schema".job as j where j.id = n.probe_job_id)
      )
      when 'resource_full' then format(
        'What it needs, %s, is full: %s of %s run.', n.resource, n.leased, n.concurrency_max
      )
      else format(
        'What it needs, %s, is taken up slowly after an outage (running: %s): every 5 seconds twice as many may run.',
        n.resource, n.leased
      )
    end,
    n.resource, c.until
  from need as n
  left join :"schema".pause as p on p.scope = 'resource' and p.name = n.resource
  cross join lateral (
    select case when p.name is not null then 'paused' when n.wait_ms > 0 and n.state = 'open' then 'breaker_open' when n.wait_ms > 0 then 'breaker_probing'
        when n.leased >= n.concurrency_max then 'resource_full' else 'resource_slow' end as cause,
      case when p.name is null and n.wait_ms > 0 and n.state = 'open' then nullif(n.open_until, 'infinity') end as until
  ) as c
  where not exists (select from need as o where o.places is distinct from 0)
  order by n.resource
$$;
