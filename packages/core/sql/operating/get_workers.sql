-- Who works, as the view `workers`, for callers who may read no view. The newest first, 1,000 at most.
create or replace function :"schema".get_workers()
returns table (
  id uuid, name text, state text, version text, types jsonb, slots integer, in_flight integer, abandoned integer,
  started_at timestamptz, seen_at timestamptz, stopped_at timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select w.id, w.name, w.state, w.version, to_jsonb(w.types), w.slots, w.in_flight, w.abandoned, w.started_at,
    w.seen_at, w.stopped_at
  from :"schema".workers as w order by w.started_at desc, w.id limit 1000
$$;
