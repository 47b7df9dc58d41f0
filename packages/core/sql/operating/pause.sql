-- Stops claims of a queue or of a type, by workers of every version. Jobs that run go on; what is enqueued, or given
-- back, waits. Holds for lanes that nobody has met yet, too.
--   p_scope: queue | type. p_version, p_phase: of a type, only these; null for all.
--   p_reason: the operator's own words, cut to 1,024 characters.
--   Locks: the new row. Index: pause (scope, name, version, phase).
--   Answers: ok | already (it was paused before, and now has the new reason).
create or replace function :"schema".pause(
  p_scope text, p_name text, p_reason text default null, p_version smallint default null, p_phase text default null
) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if p_scope not in ('queue', 'type') then
    raise exception using errcode = '22023', message = 'pause: p_scope must be queue or type';
  end if;
  insert into :"schema".pause (scope, name, version, phase, reason, paused_by, paused_at)
  values (p_scope, p_name, p_version, p_phase, left(p_reason, 1024), session_user, :"schema".clock())
  on conflict do nothing;
  if found then
    return 'ok';
  end if;
  update :"schema".pause set reason = coalesce(left(p_reason, 1024), reason)
  where scope = p_scope and name = p_name and version is not distinct from p_version
    and phase is not distinct from p_phase;
  return 'already';
end
$$;
