-- Makes claims at the same gates follow each other, so that what one of them counts is still true when it commits. Private.
--   p_lanes: plain lanes.
--   Locks: `ready` as every writer does, against set_limit making a limit; one transaction lock shared with all claims,
--   against changes of limits; then one per queue, per limited type, and one for all tenants, in one order.
create or replace function :"schema".lock_gates(p_lanes integer[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_schema text := $t$:"schema".job_limit$t$::regclass::oid::text;
  v_lock bigint;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = '25001',
      message = 'a claim of jobs under a limit must be read committed: it has to see what others did while it waited';
  end if;
  lock table :"schema".ready in row exclusive mode;
  perform pg_advisory_xact_lock_shared(hashtextextended(v_schema || ' limits', 11));
  for v_lock in
    select distinct hashtextextended(v_schema || ' ' || g.name, 11) from (
      select 'queue ' || n.queue from :"schema".lane as n where n.id = any (p_lanes)
      union all
      select 'type ' || m.key from :"schema".lane as n
      join :"schema".job_limit as m on m.scope = 'type' and m.key = n.type where n.id = any (p_lanes)
      union all
      select 'tenants' where exists (select from :"schema".job_limit as m where m.scope in ('tenant', 'pause'))
    ) as g (name) order by 1
  loop
    perform pg_advisory_xact_lock(v_lock);
  end loop;
end
$$;
