-- A number of somebody's JSON as a count: whole, from 0 up to p_max; null when it is no number. Private.
create or replace function :"schema".read_count(p_value jsonb, p_max bigint) returns bigint
language sql immutable set search_path = pg_catalog, pg_temp
as $$
  select case when jsonb_typeof(p_value) = 'number'
    then least(greatest(trunc((p_value #>> '{}')::numeric), 0), p_max)::bigint end
$$;
