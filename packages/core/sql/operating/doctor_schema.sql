-- What a doctor must know of the schema, as names and numbers. Private tables are read for callers who may read none.
--   p_functions: those that the caller wants to call.
--   Answers: one object: the version of each bundle; functions that its login may not call or that are not there; tables whose rows a policy hides from
--   the owner of the functions; how far the clock is behind what it has shown; tables with their live and dead rows;
--   whether a claim goes by its index; what is paused; which resources that live workers need are away; who works.
create or replace function :"schema".doctor_schema(p_functions text[]) returns jsonb
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
-- As in a claim.
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_schema oid := (select pronamespace from pg_proc where oid = $f$:"schema".clock()$f$::regprocedure);
  v_line text;
  v_by_index boolean := false;
  v_needed text[];
begin
  -- A breaker that stayed open for a model that nobody uses any more is no trouble. Null: nobody lives, or a worker of an
  -- older version, which does not say what it needs.
  select case when bool_and(o.lanes is not null) then array_agg(n.resource) end into v_needed
  from :"schema".workers as w join :"schema".worker as o on o.id = w.id
  left join lateral jsonb_each_text(o.lanes) as n (lane, resource) on true
  where w.state = 'live';
  for v_line in
    explain select r.ctid from :"schema".ready as r
    where r.lane_id = 0 and r.priority = 5 and r.due_at between '-infinity' and v_now
    order by r.due_at, r.job_id limit 1
  loop
    v_by_index := v_by_index or v_line like '%ready_claim%';
  end loop;
  return jsonb_build_object(
    'versions', (
      select coalesce(jsonb_object_agg(m.bundle, m.version), '{}') from (
        select a.bundle, max(a.version) as version from :"schema".schema_migration as a group by a.bundle
      ) as m
    ),
    'missing', array(
      select f.name from unnest(p_functions) as f (name) where not exists (
        select from pg_proc as p where p.pronamespace = v_schema and p.proname = f.name
          and has_function_privilege(session_user, p.oid, 'execute')
      ) order by 1
    ),
    'hidden', array(
      select c.relname::text from pg_class as c
      where c.relnamespace = v_schema and c.relkind = 'r' and row_security_active(c.oid)
        and not exists (select from pg_policy as p where p.polrelid = c.oid and p.polpermissive and (
          p.polroles = array[0::oid]
          or exists (select from unnest(p.polroles) as g (role) where g.role <> 0 and pg_has_role(g.role, 'usage'))
        ))
      order by 1
    ),
    'clock_back_ms', (
      select round(extract(epoch from m.seen_at - v_now) * 1000) from :"schema".clock_mark as m
      where m.seen_at > v_now
    ),
    'tables', (
      select jsonb_agg(jsonb_build_object(
        'name', c.relname, 'live', pg_stat_get_live_tuples(c.oid), 'dead', pg_stat_get_dead_tuples(c.oid),
        'is_vacuumed', not coalesce(c.reloptions && array['autovacuum_enabled=false', 'autovacuum_enabled=off'], false)
      ) order by c.relname)
      from pg_class as c where c.relnamespace = v_schema and c.relkind = 'r'
    ),
    'claims_by_index', v_by_index,
    'paused', array(
      select p.scope || ' ' || p.name || coalesce(' version ' || p.version, '') || coalesce(' phase ' || p.phase, '')
      from :"schema".pause as p order by 1
    ),
    'away', array(
      select r.name || ' (' || coalesce(r.code, 'no code') || ')' from :"schema".resource as r
      where r.state <> 'closed' and (v_needed is null or r.name = any (v_needed)) order by 1
    ),
    'workers', jsonb_build_object(
      'live', (select count(*) from :"schema".workers as w where w.state = 'live'),
      'silent', array(
        select w.name from :"schema".workers as w
        where w.state = 'silent' and w.seen_at > v_now - interval '1 day' order by w.seen_at desc limit 10
      )
    )
  );
end
$$;
