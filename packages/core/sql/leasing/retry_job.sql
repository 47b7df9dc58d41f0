-- Gives a job back after a transient failure of its own. The failure is charged to the phase; a job whose retries
-- are used up is dead.
--   p_retry_after_ms: what the other side asked us to wait, or null; at most one day of it is honoured.
--   Locks: the lease's row and the counter's. Index: lease (job_id).
--   Answers: outcome ok | already | lost | effect_failed, the job's state (queued, dead) and the delay until it is due.
create or replace function :"schema".retry_job(
  p_job_id bigint, p_token uuid, p_code text, p_message text, p_retry_after_ms integer,
  out outcome text, out state text, out delay_ms integer
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_lease :"schema".lease;
begin
  select * into v_lease from :"schema".lease where job_id = p_job_id and token = p_token for update;
  if found then
    select s.* into strict outcome, state, delay_ms
    from :"schema".settle_lease(
      v_lease, 'retry', p_code, p_message, least(coalesce(p_retry_after_ms, 0), 86400000), null, null
    ) as s;
  else
    select a.* into strict outcome, state, delay_ms from :"schema".answer_stale(p_job_id, p_token) as a;
  end if;
end
$$;
