-- Tells a job something, once per name; a phase that waits for it is due again. It may come before anybody waits.
--   p_name: [a-z][a-z0-9_.-]{0,63}. p_payload: at most 64 kB; null is a null of JSON. This is content.
--   Locks: the job's row, so that whoever begins to wait comes before or after, and the waiting row. Index: job
--   (public_id), signal (job_id, name), waiting (job_id).
--   Answers: ok | existing (this name was told before; the first payload stays) | late (the phase waited for it, and has
--   been told that it did not come) | settled (the job has ended) | not_found.
create or replace function :"schema".signal_job(p_id uuid, p_name text, p_payload jsonb) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_job_id bigint;
  v_is_late boolean;
  v_waiting :"schema".waiting;
begin
  select id into v_job_id from :"schema".job where public_id = p_id for no key update;
  if not found then
    return 'not_found';
  end if;
  select payload is null into v_is_late from :"schema".signal where job_id = v_job_id and name = p_name;
  if found then
    return case when v_is_late then 'late' else 'existing' end;
  end if;
  -- All in one look: between two, a job may go from one table to another.
  perform from :"schema".waiting where job_id = v_job_id union all select from :"schema".lease where job_id = v_job_id
    union all select from :"schema".ready where job_id = v_job_id;
  if not found then
    return 'settled';
  end if;
  insert into :"schema".signal (job_id, name, payload, at)
  values (v_job_id, p_name, coalesce(p_payload, 'null'), :"schema".clock());
  delete from :"schema".waiting where job_id = v_job_id and reason = 'signal' and name = p_name returning * into v_waiting;
  if found then
    perform :"schema".wake_job(v_waiting);
  end if;
  return 'ok';
end
$$;
