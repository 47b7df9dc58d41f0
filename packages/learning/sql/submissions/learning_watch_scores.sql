-- Notes how a result spreads its points, and says whether it is one of too many alike. What a stub made up is not noted,
-- and neither is a result without scores. Private; in the transaction that completes the job.
--   Locks: nothing that another completion waits for.
--   Answers: all_zero_scores | all_equal_scores | null.
create or replace function :"schema".learning_watch_scores(p_job_id bigint) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_results jsonb;
  v_key text[];
  v_count bigint;
  v_shape text;
  v_share numeric;
  v_id bigint;
  v_border bigint;
begin
  select r.output #> '{analysis,criteria_results}', array(
    select left(coalesce(r.provenance ->> k.name, ''), 200)
    from unnest('{model,program,version,hash}'::text[]) with ordinality as k (name, place) order by k.place
  ) into v_results, v_key
  from :"schema".result as r
  where r.job_id = p_job_id and r.phase = 'feedback' and r.part = 0
    and r.provenance -> 'synthetic' is distinct from 'true';
  if jsonb_typeof(v_results) is distinct from 'array' then
    return null;
  end if;
  select count(*), case
      when bool_and(c.score = 0) then 'all_zero'
      when count(*) > 1 and min(c.share) = max(c.share) and max(c.share) < 1 then 'all_equal'
      else 'varied'
    end, round(min(c.share), 3)
    into v_count, v_shape, v_share
  from (
    select (e.item ->> 'score')::numeric as score, (e.item ->> 'score')::numeric / greatest(
      case jsonb_typeof(e.item -> 'max_score') when 'number' then (e.item ->> 'max_score')::numeric else 10 end, 1
    ) as share
    from jsonb_array_elements(v_results) as e (item) where jsonb_typeof(e.item -> 'score') = 'number'
  ) as c;
  if v_count = 0 then
    return null;
  end if;
  insert into :"schema".learning_score (model, program, version, hash, scored_at, shape, share)
  values (
    v_key[1], v_key[2], v_key[3], v_key[4], :"schema".clock(), v_shape, case v_shape when 'all_equal' then v_share end
  ) returning id into v_id;
  -- Now and then the oldest go; those that somebody else removes just now are left to him.
  if v_id % 32 = 0 then
    select id into v_border from :"schema".learning_score
    where model = v_key[1] and program = v_key[2] and version = v_key[3] and hash = v_key[4]
    order by id desc offset 64 limit 1;
    delete from :"schema".learning_score where id = any (array(
      select id from :"schema".learning_score
      where model = v_key[1] and program = v_key[2] and version = v_key[3] and hash = v_key[4] and id <= v_border
      for update skip locked
    ));
  end if;
  return :"schema".learning_score_shape(v_key[1], v_key[2], v_key[3], v_key[4]) || '_scores';
end
$$;
