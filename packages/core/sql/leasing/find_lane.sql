-- The number of a lane, which is made when it is met for the first time.
--   Locks: nothing, or the new row. Index: lane (type, version, phase, queue, solo, gated).
--   Answers: the lane's id.
create or replace function :"schema".find_lane(
  p_queue text, p_type text, p_version smallint, p_phase text, p_solo boolean
) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_id integer;
begin
  select id into v_id from :"schema".lane
  where type = p_type and version = p_version and phase = p_phase and queue = p_queue and solo = p_solo
    and not gated;
  if found then
    return v_id;
  end if;
  insert into :"schema".job_type (name) values (p_type) on conflict do nothing;
  insert into :"schema".lane (queue, type, version, phase, solo)
  values (p_queue, p_type, p_version, p_phase, p_solo) on conflict do nothing returning id into v_id;
  if v_id is null then
    -- Somebody else made it while we waited for the index.
    select id into strict v_id from :"schema".lane
    where type = p_type and version = p_version and phase = p_phase and queue = p_queue and solo = p_solo
      and not gated;
  end if;
  return v_id;
end
$$;
