-- Takes a pause back, named as it was set, and wakes the workers. Another pause may still hold some of its lanes.
--   Locks: the row; for a tenant, as drop_limit. Index: pause (scope, name, version, phase).
--   Answers: ok | not_paused.
create or replace function :"schema".resume(
  p_scope text, p_name text, p_version smallint default null, p_phase text default null
) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  delete from :"schema".pause
  where scope = p_scope and name = p_name and version is not distinct from p_version
    and phase is not distinct from p_phase;
  if not found then
    return 'not_paused';
  end if;
  if p_scope = 'tenant' then
    perform :"schema".drop_limit('pause', p_name);
  end if;
  perform :"schema".hint_workers();
  return 'ok';
end
$$;
