-- Which models give too many submissions the same, with which program. Names and words of ours only.
--   shape: all_zero | all_equal.
create or replace function :"schema".learning_score_alarms()
returns table (shape text, model text, program text, version text, hash text)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select a.shape, k.model, k.program, k.version, k.hash
  from (select distinct s.model, s.program, s.version, s.hash from :"schema".learning_score as s) as k
  cross join lateral :"schema".learning_score_shape(k.model, k.program, k.version, k.hash) as a (shape)
  where a.shape is not null
  order by 2, 3, 4, 5
$$;
