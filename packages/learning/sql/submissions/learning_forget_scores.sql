-- Begins the watch over a model's scores anew: for the operator who looked, and found them right or mended the model.
--   p_model: as the health check names it.
--   Answers: how many results are no longer looked at.
create or replace function :"schema".learning_forget_scores(p_model text) returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  with gone as (delete from :"schema".learning_score where model = p_model returning 1) select count(*) from gone
$$;
