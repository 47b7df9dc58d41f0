-- From which job on the ended attempts must be looked at to see those of late: back from the newest, until 5,000 in a row
-- ended before, and over 50,000 at most. Private; see get_throughput.
--   Index: attempt (job_id, phase, attempt).
--   Answers: the job's number, and whether all of late were found, as far as can be told so.
create or replace function :"schema".recent_attempts(p_from timestamptz, out job_id bigint, out is_whole boolean)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off
set plan_cache_mode = force_generic_plan
as $$
declare
  v_chunk record;
begin
  job_id := 9223372036854775807;
  for v_round in 1..10 loop
    select min(c.job_id) as first, count(*) as ct, count(*) filter (where c.finished_at >= p_from) as late into strict v_chunk
    from (
      select a.job_id, a.finished_at from :"schema".attempt as a where a.job_id < recent_attempts.job_id
      order by a.job_id desc limit 5000
    ) as c;
    job_id := coalesce(v_chunk.first, job_id);
    is_whole := v_chunk.late = 0 or v_chunk.ct < 5000;
    exit when is_whole;
  end loop;
end
$$;
