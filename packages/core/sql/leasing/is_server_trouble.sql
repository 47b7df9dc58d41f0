-- Whether an SQLSTATE tells of the server or of a rival, so that the same call may well succeed later. Anything else
-- will be the same next time. `database.ts` has the same list.
create or replace function :"schema".is_server_trouble(p_sqlstate text) returns boolean
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select p_sqlstate in ('25006', '40001', '40P01', '55P03', '57014', '57P01', '57P02', '57P03')
    or left(p_sqlstate, 2) in ('08', '53', '58')
$$;
