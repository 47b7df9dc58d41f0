-- Postgres lets everybody execute a new function, and hosted platforms hand it to two roles of theirs as well: not here,
-- and in the same transaction that made them.
revoke all on schema :"schema" from public;
revoke all on all tables in schema :"schema" from public;
revoke all on all functions in schema :"schema" from public;
do $$ begin
  if exists (select from pg_roles where rolname = 'anon') then
    revoke all on schema :"schema" from anon;
    revoke all on all tables in schema :"schema" from anon;
    revoke all on all functions in schema :"schema" from anon;
  end if;
  if exists (select from pg_roles where rolname = 'authenticated') then
    revoke all on schema :"schema" from authenticated;
    revoke all on all tables in schema :"schema" from authenticated;
    revoke all on all functions in schema :"schema" from authenticated;
  end if;
end $$;
