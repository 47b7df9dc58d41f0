-- The backlog, as queue_health, for callers who may read no view.
--   Answers: one row per queue, type and state (due, delayed, leased, waiting).
create or replace function :"schema".get_queue_v2()
returns table (
  queue text, type text, state text, ct integer, high_retry_ct integer, outage_ct integer,
  p95_age_sec double precision, oldest_age_sec double precision
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select h.queue, h.type, h.state, h.ct, h.high_retry_ct, h.outage_ct, h.p95_age_sec, h.oldest_age_sec
  from :"schema".queue_health as h order by h.queue, h.type, h.state
$$;
