-- Deletes some completed jobs that ended before a moment: the next few of a walk over all jobs from the first, which goes
-- on at each call and rests between two rounds. Private; see prune_jobs.
--   Locks: prune_mark, so that one caller walks at a time, and the jobs, skipping those of others: who gives a completed
--   job a new start holds its row. Index: job (id).
--   Answers: how many, and whether there may be more at once.
create or replace function :"schema".prune_completed(
  p_before timestamptz, p_rest interval, p_limit integer, out pruned integer, out more boolean
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_from bigint;
  v_to bigint;
  v_ids bigint[];
begin
  pruned := 0;
  more := false;
  -- Who rests longer than a rest lasts has a clock that went back since.
  select m.job_id into v_from from :"schema".prune_mark as m
  where m.rests_until <= v_now or m.rests_until > v_now + p_rest for update skip locked;
  if not found then
    return;
  end if;
  select array_agg(w.id) filter (where w.created_at < p_before), max(w.id) into v_ids, v_to from (
    select j.id, j.created_at from :"schema".job as j where j.id > v_from order by j.id limit p_limit
  ) as w;
  more := v_ids is not null;
  if more then
    select array_agg(l.id) into v_ids from (
      select j.id from :"schema".job as j where j.id = any (v_ids) order by j.id for update skip locked
    ) as l;
    -- Whether they are completed is looked at while they are held.
    select array_agg(j.id) into v_ids from :"schema".job as j
    join :"schema".job_overview as o on o.id = j.public_id
    where j.id = any (v_ids) and o.state = 'completed' and o.finished_at < p_before
      and not :"schema".is_awaited(j.id);
    if v_ids is not null then
      perform :"schema".forget_jobs(v_ids);
    end if;
    pruned := coalesce(cardinality(v_ids), 0);
    update :"schema".prune_mark set job_id = v_to;
  else
    update :"schema".prune_mark set job_id = 0, rests_until = v_now + p_rest;
  end if;
end
$$;
