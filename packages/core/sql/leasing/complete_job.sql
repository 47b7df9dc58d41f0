-- Ends a job well: its last phase is done.
--   p_output: what the phase returned, or null for a phase without a result. p_provenance: where it comes from.
--   Locks: the lease's row. Index: lease (job_id).
--   Answers: outcome ok | already (this token did it before) | lost (the lease is not the caller's; nothing was
--   written) | effect_failed (the hook raised; the job waits again or is dead), with the job's state and delay.
create or replace function :"schema".complete_job(
  p_job_id bigint, p_token uuid, p_output jsonb, p_provenance jsonb,
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
    from :"schema".settle_lease(v_lease, 'complete', null, null, 0, p_output, p_provenance) as s;
  else
    select a.* into strict outcome, state, delay_ms from :"schema".answer_stale(p_job_id, p_token) as a;
  end if;
end
$$;
