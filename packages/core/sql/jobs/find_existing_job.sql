-- The job that an enqueue with these keys means already, or null. Waits for a concurrent enqueue with the same key:
-- transaction locks on the keys, taken in one order, make two of them follow each other.
--   Indexes: job (public_id), job (queue, idempotency_key), unique_key (queue, key).
create or replace function :"schema".find_existing_job(
  p_id uuid, p_queue text, p_idempotency_key text, p_unique_key text
) returns uuid
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_id uuid;
  v_lock bigint;
begin
  if p_id is null and p_idempotency_key is null and p_unique_key is null then
    return null;
  end if;
  for v_lock in
    select k.number from :"schema".key_locks(p_id, p_queue, p_idempotency_key, p_unique_key) as k (number)
  loop
    perform pg_advisory_xact_lock(v_lock);
  end loop;
  select public_id into v_id from :"schema".job where public_id = p_id;
  if v_id is null and p_idempotency_key is not null then
    select public_id into v_id from :"schema".job where queue = p_queue and idempotency_key = p_idempotency_key;
  end if;
  if v_id is null and p_unique_key is not null then
    select j.public_id into v_id from :"schema".unique_key as u join :"schema".job as j on j.id = u.job_id
    where u.queue = p_queue and u.key = p_unique_key;
  end if;
  return v_id;
end
$$;
