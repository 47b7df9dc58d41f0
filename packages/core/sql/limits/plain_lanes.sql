-- Those of some lanes in which jobs may wait under no limit. Private; in the others nobody waits but at the gate, and what
-- was moved there lies in the index for as long as somebody holds an old snapshot.
--   Index: lane (id), job_limit (scope, key).
create or replace function :"schema".plain_lanes(p_lanes integer[]) returns integer[]
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce(array_agg(n.id), '{}') from :"schema".lane as n
  where n.id = any (p_lanes)
    and not exists (select from :"schema".job_limit as m where m.scope = 'queue' and m.key = n.queue)
    and not exists (select from :"schema".job_limit as m where m.scope = 'type' and m.key = n.type)
$$;
