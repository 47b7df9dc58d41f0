-- Writes slots of a schedule ahead. Any number of planners may try: one of them plans each stretch.
--   p_revision: as list_unplanned said it. p_until: slots are complete up to here. p_slots: between planned_until and
--   p_until; others are left out, so that no slot is planned twice.
--   Locks: the schedule. Index: schedule (name), cron_slot (schedule, slot_at).
--   Answers: ok | stale (somebody else planned, or the schedule was changed, paused or removed meanwhile).
create or replace function :"schema".plan_slots(
  p_name text, p_revision integer, p_until timestamptz, p_slots timestamptz[]
) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_from timestamptz;
begin
  select s.planned_until into v_from from :"schema".schedule as s
  where s.name = p_name and s.revision = p_revision and s.enabled for no key update;
  if not found then
    return 'stale';
  end if;
  insert into :"schema".cron_slot (schedule, slot_at)
  select p_name, p.slot_at from unnest(p_slots) as p (slot_at) where p.slot_at > v_from and p.slot_at <= p_until
  on conflict do nothing;
  update :"schema".schedule set planned_until = greatest(planned_until, p_until), revision = revision + 1
  where name = p_name;
  return 'ok';
end
$$;
