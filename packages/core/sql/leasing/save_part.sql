-- Stores a piece of the running phase, so that no later attempt does it again.
--   p_part: from 1. p_phase: the phase it is a piece of; null takes it for the running one's.
--   Locks: the lease's row against deletion, not against renewal. Index: lease (job_id).
--   Answers: ok (also when this part was saved before; the first one stays) | lost (nothing was written).
create or replace function :"schema".save_part(
  p_job_id bigint, p_token uuid, p_part smallint, p_output jsonb, p_provenance jsonb, p_phase text default null
) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_lease :"schema".lease;
begin
  if p_part < 1 then
    raise exception using errcode = '22023', message = 'save_part: p_part must be at least 1';
  end if;
  select * into v_lease from :"schema".lease where job_id = p_job_id and token = p_token for key share;
  if not found then
    return 'lost';
  end if;
  -- A job goes on to its next phase under the same token, and a call that was given up may still be carried out then.
  perform from :"schema".lane where id = v_lease.lane_id and phase <> p_phase;
  if found then
    return 'lost';
  end if;
  perform :"schema".store_result(v_lease, p_part, p_output, p_provenance);
  return 'ok';
end
$$;
