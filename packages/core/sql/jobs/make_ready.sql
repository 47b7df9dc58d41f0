-- Puts a job in its lane. Private.
--   Answers: whether sleeping workers should be woken: the job is due, and nothing due waits in the lane before it (a
--   lane with a backlog has workers that are awake). A hint per enqueue would line up all commits behind one lock.
--   Index: ready (lane_id, priority, due_at, job_id).
create or replace function :"schema".make_ready(
  p_job_id bigint, p_lane_id integer, p_priority smallint, p_delay_ms bigint, p_attempt integer
) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_idle boolean := p_delay_ms <= 0 and not exists (
    select from :"schema".ready where lane_id = p_lane_id and priority = p_priority and due_at <= v_now
  );
begin
  insert into :"schema".ready (job_id, lane_id, priority, due_at, attempt)
  values (p_job_id, p_lane_id, p_priority, v_now + greatest(p_delay_ms, 0) * interval '1 millisecond', p_attempt);
  return v_idle;
end
$$;
