-- Ends a schedule, with its slots. The jobs that it enqueued stay.
--   Locks: the schedule and its slots. Index: schedule (name), cron_slot (schedule, slot_at).
--   Answers: ok | not_found.
create or replace function :"schema".remove_schedule(p_name text) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  delete from :"schema".schedule where name = p_name;
  return case when found then 'ok' else 'not_found' end;
end
$$;
