-- A worker says that it is there, or for the last time that it stopped.
--   p_about: { name, version, types (array of `type/version`), slots, intervalMs, lanes (an object: for each lane it runs,
--   by number, the resource that it needs there, or null) }, the same on every call. Without lanes: of an older version.
--   p_in_flight: jobs that it holds now. p_abandoned: adapters that did not obey, since its start.
--   Locks: its own row. Index: worker (id).
--   Answers: ok. A first call also forgets workers that nobody has seen for a month.
create or replace function :"schema".note_worker(
  p_id uuid, p_about jsonb, p_in_flight integer, p_abandoned integer, p_is_stopped boolean
) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
begin
  update :"schema".worker
  set in_flight = p_in_flight, abandoned = p_abandoned, seen_at = v_now,
    -- A call that was given up on may still be carried out, after the last one.
    stopped_at = coalesce(stopped_at, case when p_is_stopped then v_now end)
  where id = p_id;
  if not found then
    delete from :"schema".worker as w where w.id = any (array(
      select o.id from :"schema".worker as o where o.seen_at < v_now - interval '30 days' for update skip locked
    ));
    insert into :"schema".worker (
      id, name, version, types, slots, in_flight, abandoned, interval_ms, started_at, seen_at, stopped_at, lanes
    )
    values (
      p_id, left(p_about ->> 'name', 128), left(p_about ->> 'version', 64),
      array(select t.name from jsonb_array_elements_text(p_about -> 'types') with ordinality as t (name, place)
        order by t.place),
      (p_about ->> 'slots')::integer, p_in_flight, p_abandoned, (p_about ->> 'intervalMs')::integer, v_now, v_now,
      case when p_is_stopped then v_now end, p_about -> 'lanes'
    )
    on conflict do nothing;
  end if;
  return 'ok';
end
$$;
