-- Gives a job back without charging it: the worker stops (`shutdown`) or the backend is down (`outage`, counted and
-- dated, and due again after 5 to 60 seconds). An outage of a resource stops the claims for it (see report_outage).
--   p_retry_after_ms: what the backend asked us to wait, or null; at most one day of it is honoured.
--   Locks: the lease's row and, for an outage, the counter's and the resource's. Index: lease (job_id).
--   Answers: outcome ok | already | lost | effect_failed, with the job's state and the delay until it is due.
create or replace function :"schema".release_job(
  p_job_id bigint, p_token uuid, p_reason text, p_code text, p_message text, p_retry_after_ms integer,
  out outcome text, out state text, out delay_ms integer
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_lease :"schema".lease;
begin
  if p_reason not in ('shutdown', 'outage') then
    raise exception using errcode = '22023', message = 'release_job: p_reason must be shutdown or outage';
  end if;
  select * into v_lease from :"schema".lease where job_id = p_job_id and token = p_token for update;
  if found then
    select s.* into strict outcome, state, delay_ms
    from :"schema".settle_lease(
      v_lease, p_reason, p_code, p_message, least(coalesce(p_retry_after_ms, 0), 86400000), null, null
    ) as s;
    -- Our own database being away says nothing about what the job needs.
    if p_reason = 'outage' and v_lease.resource <> '' and p_code <> 'database_unavailable' then
      perform :"schema".report_outage(v_lease, p_code, p_retry_after_ms);
    end if;
  else
    select a.* into strict outcome, state, delay_ms from :"schema".answer_stale(p_job_id, p_token) as a;
  end if;
end
$$;
