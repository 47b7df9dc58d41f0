-- The next few jobs of a walk, the newest first: by number, or of those that ended badly by when they did. Private; see
-- list_jobs.
--   p_state: only of this state, or null for all. Of completed ones, all that have an ended attempt: not the whole backlog
--   that is newer than they are.
--   p_after: { jobId, finishedAt }, where the walk came to; null to begin.
--   Index: job, ready, lease, waiting (by number), stopped (state, finished_at), attempt (job_id, phase, attempt).
--   Answers: the numbers in their order.
create or replace function :"schema".walk_jobs(p_state text, p_after jsonb, p_limit integer)
returns table (job_id bigint)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
-- The plan must not depend on statistics; see find_stopped.
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set enable_hashagg = off set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_before bigint := coalesce((p_after ->> 'jobId')::bigint, 9223372036854775807);
  v_until timestamptz := coalesce((p_after ->> 'finishedAt')::timestamptz, 'infinity');
begin
  case p_state
    when 'queued' then
      return query select r.job_id from :"schema".ready as r where r.job_id < v_before order by r.job_id desc limit p_limit;
    when 'leased' then
      return query select l.job_id from :"schema".lease as l where l.job_id < v_before order by l.job_id desc limit p_limit;
    when 'waiting' then
      return query select w.job_id from :"schema".waiting as w where w.job_id < v_before order by w.job_id desc limit p_limit;
    when 'failed', 'dead', 'cancelled' then
      return query
        select s.job_id from :"schema".stopped as s
        where s.state = p_state and s.finished_at <= v_until and (s.finished_at < v_until or s.job_id < v_before)
        order by s.finished_at desc, s.job_id desc limit p_limit;
    when 'completed' then
      return query
        select distinct a.job_id from :"schema".attempt as a where a.job_id < v_before order by a.job_id desc limit p_limit;
    else
      return query select j.id from :"schema".job as j where j.id < v_before order by j.id desc limit p_limit;
  end case;
end
$$;
