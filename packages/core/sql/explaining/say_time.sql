-- A moment in words, the same for every session. Private; see explain_job.
create or replace function :"schema".say_time(p_at timestamptz) returns text
language sql stable set search_path = pg_catalog, pg_temp
as $$ select to_char(p_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"') $$;
