-- What a doctor must know of the server, as its caller may see it. It also sends a hint on the channel `leasehold_doctor`,
-- to be listened for.
--   Answers: one object: the time, the login, whether the server takes writes, settings, connections, the oldest snapshot
--   and who holds it, prepared transactions, and replication slots that keep something.
create or replace function :"schema".doctor_server() returns jsonb
language plpgsql volatile security invoker set search_path = pg_catalog, pg_temp
as $$
declare
  v_is_read_only boolean := pg_is_in_recovery() or current_setting('transaction_read_only')::boolean;
begin
  if not v_is_read_only then
    perform pg_notify('leasehold_doctor', '');
  end if;
  return jsonb_build_object(
    'now_ms', round(extract(epoch from clock_timestamp()) * 1000),
    'login', session_user,
    'is_superuser', (select r.rolsuper from pg_roles as r where r.rolname = session_user),
    'sees_sessions', pg_has_role('pg_read_all_stats', 'usage'),
    'is_read_only', v_is_read_only,
    'settings', (
      select jsonb_object_agg(s.name, s.setting) from pg_settings as s
      where s.name in ('autovacuum', 'track_counts', 'fsync', 'full_page_writes', 'synchronous_commit')
    ),
    'connections', jsonb_build_array(
      jsonb_build_object(
        'of', 'the server', 'used', (select sum(d.numbackends) from pg_stat_database as d),
        'max', current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
      ),
      (
        select jsonb_build_object('of', 'the database', 'used', s.numbackends, 'max', nullif(d.datconnlimit, -1))
        from pg_database as d join pg_stat_database as s on s.datid = d.oid where d.datname = current_database()
      ),
      (
        select jsonb_build_object(
          'of', 'the login', 'max', nullif(r.rolconnlimit, -1),
          'used', (select count(*) from pg_stat_activity as a where a.usesysid = r.oid)
        )
        from pg_roles as r where r.rolname = session_user
      )
    ),
    'snapshot', (
      select jsonb_build_object(
        'pid', a.pid, 'name', a.application_name, 'state', a.state,
        'seconds', round(extract(epoch from clock_timestamp() - a.xact_start))
      )
      from pg_stat_activity as a
      where a.pid <> pg_backend_pid() and coalesce(a.backend_xmin, a.backend_xid) is not null
        and a.xact_start is not null and a.datid = (select d.oid from pg_database as d where d.datname = current_database())
      order by a.xact_start limit 1
    ),
    'prepared', array(
      select jsonb_build_object(
        'name', p.gid, 'seconds', round(extract(epoch from clock_timestamp() - p.prepared))
      )
      from pg_prepared_xacts as p where p.database = current_database() order by p.prepared
    ),
    'slots', array(
      select jsonb_build_object(
        'name', s.slot_name, 'is_active', s.active,
        'keeps', case when coalesce(s.xmin, s.catalog_xmin) is not null then 'dead rows' else 'the log' end
      )
      from pg_replication_slots as s
      where s.xmin is not null or s.catalog_xmin is not null or s.restart_lsn is not null order by s.slot_name
    )
  );
end
$$;
