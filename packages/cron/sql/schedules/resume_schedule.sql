-- Wakes a schedule. Its slots after this moment wait to be planned.
--   Locks: the schedule. Index: schedule (name).
--   Answers: ok, also when it did not rest | not_found.
create or replace function :"schema".resume_schedule(p_name text) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  update :"schema".schedule set
    planned_until = case when enabled then planned_until else :"schema".clock() end,
    revision = revision + 1,
    enabled = true
  where name = p_name;
  return case when found then 'ok' else 'not_found' end;
end
$$;
