-- The numbers of the transaction locks that stand for an id and keys. Private.
create or replace function :"schema".key_locks(
  p_id uuid, p_queue text, p_idempotency_key text, p_unique_key text
) returns setof bigint
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select distinct hashtextextended(k.name, 7) from (
    values (p_id::text), (p_queue || ' idempotent ' || p_idempotency_key), (p_queue || ' unique ' || p_unique_key)
  ) as k (name) where k.name is not null order by 1
$$;
