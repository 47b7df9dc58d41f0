-- Gives the jobs that died of an outage a new start, spread over time so that what was down is not run over. For an
-- operator: nobody calls it by himself, since a job whose time was over may be wanted no more, and a code that an
-- adapter threw proves no outage.
--   p_type: of one type, or null. p_since: that ended since then. p_limit, p_spread_ms: as in requeue_jobs.
--   Answers: as requeue_jobs.
create or replace function :"schema".requeue_outage_victims(
  p_type text, p_since timestamptz, p_limit integer default 1000, p_spread_ms bigint default 600000,
  out matched integer, out requeued integer, out conflicted integer, out refused integer, out next jsonb
)
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  select r.matched, r.requeued, r.conflicted, r.refused, r.next
  from :"schema".requeue_jobs(
    jsonb_strip_nulls(jsonb_build_object('type', p_type, 'since', p_since, 'outage', true)), p_limit, p_spread_ms
  ) as r
$$;
