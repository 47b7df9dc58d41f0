-- Stops claims of a queue, of a type, for a tenant or for a resource, by workers of every version. Jobs that run go on;
-- what is enqueued, or given back, waits. Holds for what nobody has met yet, too.
--   p_scope: queue | type | tenant | resource. p_version, p_phase: of a type, only these; null for all.
--   p_reason: the operator's own words, cut to 1,024 characters.
--   Locks: the new row; for a tenant, as a limit that is new (see set_limit): call it as a transaction of its own. Index:
--   pause (scope, name, version, phase).
--   Answers: ok | already (it was paused before, and now has the new reason).
create or replace function :"schema".pause(
  p_scope text, p_name text, p_reason text default null, p_version smallint default null, p_phase text default null
) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if p_scope not in ('queue', 'type', 'tenant', 'resource') then
    raise exception using errcode = '22023', message = 'pause: p_scope must be queue, type, tenant or resource';
  end if;
  insert into :"schema".pause (scope, name, version, phase, reason, paused_by, paused_at)
  values (p_scope, p_name, p_version, p_phase, left(p_reason, 1024), session_user, :"schema".clock())
  on conflict do nothing;
  if found then
    if p_scope = 'tenant' then
      -- His jobs lie among those of others in every lane: at a gate they can be told apart.
      perform :"schema".set_limit('pause', p_name, 0);
    end if;
    return 'ok';
  end if;
  update :"schema".pause set reason = coalesce(left(p_reason, 1024), reason)
  where scope = p_scope and name = p_name and version is not distinct from p_version
    and phase is not distinct from p_phase;
  return 'already';
end
$$;
