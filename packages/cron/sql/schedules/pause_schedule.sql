-- Lets a schedule rest. What was due is passed over, what is to come is taken back, and nothing that comes meanwhile
-- counts as missed.
--   Locks: the schedule and its open slots. Index: schedule (name), cron_slot (schedule, slot_at).
--   Answers: ok, also when it rested already | not_found.
create or replace function :"schema".pause_schedule(p_name text) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
begin
  update :"schema".schedule set enabled = false, revision = revision + 1 where name = p_name;
  if not found then
    return 'not_found';
  end if;
  delete from :"schema".cron_slot where schedule = p_name and consumed_at is null and slot_at > v_now;
  update :"schema".cron_slot set consumed_at = v_now, outcome = 'passed'
  where schedule = p_name and consumed_at is null;
  return 'ok';
end
$$;
