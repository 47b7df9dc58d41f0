-- Those of some lanes that nothing pauses. Private; a claim asks only while something is paused.
--   Index: lane (id). The pauses are few and read as they are.
create or replace function :"schema".open_lanes(p_lanes integer[]) returns integer[]
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(l.id), '{}') from :"schema".lane as l
  where l.id = any (p_lanes) and not exists (
    select from :"schema".pause as p
    where p.name = case p.scope when 'queue' then l.queue when 'type' then l.type end
      and coalesce(p.version, l.version) = l.version and coalesce(p.phase, l.phase) = l.phase
  )
$$;
