-- What jobs compete for, as resources, for callers who may read no view.
--   Answers: one row per resource, by name. open_until is null where an operator must close the breaker, too.
create or replace function :"schema".get_resources()
returns table (
  name text, concurrency integer, state text, code text, open_until timestamptz, outages integer, leased integer,
  places integer, probe uuid, changed_at timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select r.name, r.concurrency, r.state, r.code, nullif(r.open_until, 'infinity'), r.outages, r.leased, r.places, r.probe, r.changed_at
  from :"schema".resources as r order by r.name collate "C"
$$;
