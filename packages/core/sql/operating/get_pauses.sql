-- What is paused, the oldest first.
--   Answers: scope (queue, type, tenant, resource), name, version and phase (null: all), reason, login and time of who paused it.
create or replace function :"schema".get_pauses()
returns table (
  scope text, name text, version smallint, phase text, reason text, paused_by text, paused_at timestamptz
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select p.scope, p.name, p.version, p.phase, p.reason, p.paused_by, p.paused_at from :"schema".pause as p
  order by p.paused_at, p.scope, p.name, p.version, p.phase
$$;
