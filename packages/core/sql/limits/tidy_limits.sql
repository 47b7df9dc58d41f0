-- Takes away what limits have left behind: starts that left their window, slots without a lease, and turns of tenants who
-- have none to wait for. Nothing that counts. Private.
--   Locks: these rows, skipping those of others. Index: start_count, slot and turn are read as they are, once in a while.
create or replace function :"schema".tidy_limits(p_now timestamptz) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  delete from :"schema".start_count as c where (c.scope, c.key, c.piece) in (
    select o.scope, o.key, o.piece from :"schema".start_count as o
    -- The longest window that there is, and any limit may be changed to, stays.
    where o.last_at <= p_now - coalesce((
      select max(m.window_ms) from :"schema".job_limit as m where m.scope = o.scope and m.key in (o.key, '*')
    ), 0) * interval '1 millisecond'
    limit 1000 for update skip locked
  );
  with stale as materialized (
    select o.scope, o.key, o.job_id, o.token from :"schema".slot as o
    where not exists (select from :"schema".lease as l where l.job_id = o.job_id and l.token = o.token) limit 1000
  )
  -- By its token, since the job may run again since that look.
  delete from :"schema".slot as s using stale as o
  where s.scope = o.scope and s.key = o.key and s.job_id = o.job_id and s.token = o.token;
  delete from :"schema".turn as t where (t.queue, t.tenant) in (
    select o.queue, o.tenant from :"schema".turn as o join :"schema".turn_clock as c on c.queue = o.queue
    where o.finish <= c.at limit 1000 for update of o skip locked
  );
end
$$;
