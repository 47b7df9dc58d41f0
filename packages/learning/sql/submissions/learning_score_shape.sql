-- What the newest results of one model and program have in common, if that is suspicious: a model that works does not
-- give ten of twenty submissions nothing at all, nor the same share of the points in every criterion. Full marks for all
-- of them are no sign: easy tasks have them. Private.
--   Answers: all_zero | all_equal | null. Looks at the twenty newest results of the last seven days.
--   Index: learning_score_newest.
create or replace function :"schema".learning_score_shape(
  p_model text, p_program text, p_version text, p_hash text
) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  with newest as materialized (
    select shape, share from :"schema".learning_score
    where model = p_model and program = p_program and version = p_version and hash = p_hash
      and scored_at > :"schema".clock() - interval '7 days'
    order by id desc limit 20
  )
  select shape from newest where shape <> 'varied' group by shape, share having count(*) >= 10
$$;
