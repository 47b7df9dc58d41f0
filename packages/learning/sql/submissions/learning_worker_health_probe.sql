-- The runbook's own name for learning_health, with a limit of 15 minutes for what is due.
create or replace function public.learning_worker_health_probe()
returns table (check_name text, status text, detail text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select h.check_name, h.status, h.detail from :"schema".learning_health(900) as h
$$;
