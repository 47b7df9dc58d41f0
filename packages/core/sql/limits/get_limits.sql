-- The limits and weights as they are.
--   Answers: one row per limit, with how many jobs run under it now, and one per tenant with a weight and no limit; of
--   `*`, all jobs of tenants run under it. By scope and key.
create or replace function :"schema".get_limits()
returns table (
  scope text, key text, concurrency_max integer, rate_max integer, window_ms integer, fair boolean,
  weight double precision, running integer
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select coalesce(m.scope, 'tenant'), coalesce(m.key, w.tenant), m.concurrency_max, m.rate_max, m.window_ms,
    coalesce(m.fair, false), w.weight, (
      select count(*)::integer from :"schema".slot as s
      join :"schema".lease as l on l.job_id = s.job_id and l.token = s.token
      where s.scope = m.scope and (s.key = m.key or (m.scope = 'tenant' and m.key = '*'))
    )
  -- A pause is shown by get_pauses.
  from (select l.* from :"schema".job_limit as l where l.scope <> 'pause') as m
  full join :"schema".tenant_weight as w on m.scope = 'tenant' and m.key = w.tenant
  order by 1, 2
$$;
