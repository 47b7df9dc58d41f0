-- The newest migration of a bundle (`core`, or a package that adds SQL of its own).
--   Answers: its number, or null.
create or replace function :"schema".schema_version(p_bundle text) returns integer
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$ select max(version) from :"schema".schema_migration where bundle = p_bundle $$;
