-- Deletes jobs that ended long ago, a few at a time, with their attempts, results, counters and keys. Never one that
-- waits or runs, however old, and no child of one: its parent may ask how it fared. No hook is called: the job has ended
-- before. What operators did (action) goes after the longest of these times, and after 366 days at the earliest.
--   p_completed_ms and so on: how long a job that ended so is kept, in milliseconds; null for ever.
--   p_limit: jobs looked at per state in one call.
--   Locks: the jobs' rows, skipping those of others. Indexes: stopped (state, finished_at), job (id).
--   Answers: how many of each state, and whether there may be more at once. After a round over all completed jobs there
--   are none for an hour, or for a tenth of the time they are kept if that is less.
create or replace function :"schema".prune_jobs(
  p_completed_ms bigint default null, p_failed_ms bigint default null, p_dead_ms bigint default null,
  p_cancelled_ms bigint default null, p_limit integer default 500
) returns table (completed integer, failed integer, dead integer, cancelled integer, more boolean)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_keep record;
  v_ids bigint[];
  v_count integer;
begin
  completed := 0;
  failed := 0;
  dead := 0;
  cancelled := 0;
  more := false;
  if least(p_completed_ms, p_failed_ms, p_dead_ms, p_cancelled_ms) < 0 or p_limit < 1 then
    raise exception using errcode = '22023', message = 'prune_jobs: times are from 0, and p_limit from 1';
  end if;
  if p_completed_ms is not null then
    select c.pruned, c.more into strict completed, more from :"schema".prune_completed(
      v_now - p_completed_ms * interval '1 millisecond',
      least(p_completed_ms / 10, 3600000) * interval '1 millisecond', p_limit
    ) as c;
  end if;
  for v_keep in
    select k.state, v_now - k.ms * interval '1 millisecond' as before
    from (values ('failed', p_failed_ms), ('dead', p_dead_ms), ('cancelled', p_cancelled_ms)) as k (state, ms)
    where k.ms is not null
  loop
    v_ids := array(
      select s.job_id from :"schema".stopped as s where s.state = v_keep.state and s.finished_at < v_keep.before and not :"schema".is_awaited(s.job_id)
      order by s.finished_at limit p_limit
    );
    more := more or cardinality(v_ids) = p_limit;
    -- The job before its stopped row, as replay_job does. Who requeues one of them waits for its row, and finds that it
    -- is gone.
    v_ids := array(select j.id from :"schema".job as j where j.id = any (v_ids) order by j.id for update skip locked);
    v_ids := array(
      select s.job_id from :"schema".stopped as s
      where s.job_id = any (v_ids) and s.state = v_keep.state and s.finished_at < v_keep.before and not :"schema".is_awaited(s.job_id)
      order by s.job_id for update skip locked
    );
    perform :"schema".forget_jobs(v_ids);
    v_count := cardinality(v_ids);
    failed := failed + case v_keep.state when 'failed' then v_count else 0 end;
    dead := dead + case v_keep.state when 'dead' then v_count else 0 end;
    cancelled := cancelled + case v_keep.state when 'cancelled' then v_count else 0 end;
  end loop;
  perform :"schema".prune_actions(
    v_now - greatest(p_completed_ms, p_failed_ms, p_dead_ms, p_cancelled_ms, 31622400000) * interval '1 millisecond', p_limit
  );
  return next;
end
$$;
