-- What ended badly, as dead_letters, for callers who may read no view. The largest group first.
--   Answers: one row per queue, type, phase, state and code; none when nothing did.
create or replace function :"schema".get_dead_letters()
returns table (
  queue text, type text, phase text, state text, code text, ct integer, first_at timestamptz, last_at timestamptz,
  sample_id uuid
)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select d.queue, d.type, d.phase, d.state, d.code, d.ct, d.first_at, d.last_at, d.sample_id
  from :"schema".dead_letters as d order by d.ct desc, d.queue, d.type, d.phase, d.state, d.code
$$;
