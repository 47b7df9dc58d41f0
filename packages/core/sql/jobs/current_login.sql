-- Who is connected. Inside these functions current_user is their owner; the caller is session_user.
--   Answers: the login's name, and whether it could do everything anyway.
create or replace function :"schema".current_login(out login text, out is_superuser boolean)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$ select session_user::text, r.rolsuper from pg_roles as r where r.rolname = session_user $$;
