-- PostgreSQL 18 has uuids of version 7 itself, and makes one in a third of the time. Its clock is the real one, which is
-- as good: nothing is read from an id. A dump of such a database that is restored in an older server needs a migrate.
do $do$
begin
  if current_setting('server_version_num')::integer >= 180000 then
    create or replace function :"schema".new_id(p_now timestamptz) returns uuid
    language sql volatile
    as $$ select pg_catalog.uuidv7() $$;
  end if;
end
$do$;
