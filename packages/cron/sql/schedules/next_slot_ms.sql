-- How long nobody needs to look, in milliseconds and for a day at most: then the next slot is due. 0: one is due now.
--   Index: cron_slot_open.
--   Answers: the time, or null when there is no open slot.
create or replace function :"schema".next_slot_ms() returns integer
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  select least(greatest(ceil(extract(epoch from min(t.slot_at) - :"schema".clock()) * 1000), 0), 86400000)::integer
  from :"schema".cron_slot as t where t.consumed_at is null
$$;
