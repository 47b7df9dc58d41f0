-- How long to wait before try `p_count + 1`: base * 2^(count - 1), capped, with equal jitter (half of it fixed,
-- half of it random). The exponent is capped before it is used, since power() would overflow inside least().
create or replace function :"schema".backoff_ms(p_count integer, p_base_ms integer, p_cap_ms integer)
returns integer
language sql volatile set search_path = pg_catalog, pg_temp
as $$
  select (delay / 2 + random() * delay / 2)::integer
  from (
    select least(p_cap_ms::numeric, p_base_ms * power(2::numeric, least(greatest(p_count, 1), 31) - 1)) as delay
  ) as capped
$$;
