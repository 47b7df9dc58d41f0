-- A uuid of version 7: what is new lies together in its index. See server_18 for newer servers.
create or replace function :"schema".new_id(p_now timestamptz) returns uuid
language sql volatile
as $$
  select encode(set_bit(set_bit(overlay(
    uuid_send(gen_random_uuid()) placing substr(int8send((extract(epoch from p_now) * 1000)::bigint), 3) from 1
  ), 52, 1), 53, 1), 'hex')::uuid
$$;
