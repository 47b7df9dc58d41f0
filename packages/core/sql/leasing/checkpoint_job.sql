-- Ends a phase that has another after it. The job goes on under the same lease, or (p_yield) waits in the next
-- phase's lane for any worker.
--   p_phase: the phase that is done, so that a repeated call is told from a call for the next phase.
--   Locks: the lease's row. Index: lease (job_id), attempt (job_id, phase, attempt).
--   Answers: outcome ok | already | lost | effect_failed, the job's state, the delay until it is due, and the number
--   of the next phase's attempt when the job goes on.
create or replace function :"schema".checkpoint_job(
  p_job_id bigint, p_token uuid, p_phase text, p_next_phase text, p_output jsonb, p_provenance jsonb,
  p_yield boolean, out outcome text, out state text, out delay_ms integer, out attempt integer
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_lease :"schema".lease;
  v_phase text;
  v_sqlstate text;
begin
  select * into v_lease from :"schema".lease where job_id = p_job_id and token = p_token for update;
  if not found then
    select a.* into strict outcome, state, delay_ms from :"schema".answer_stale(p_job_id, p_token) as a;
    return;
  end if;
  select phase into strict v_phase from :"schema".lane where id = v_lease.lane_id;
  if v_phase <> p_phase then
    -- Our own earlier call went through and its answer was lost.
    outcome := 'already';
    state := 'leased';
    attempt := v_lease.attempt;
    return;
  end if;
  outcome := 'ok';
  delay_ms := 0;
  -- Outside the block: when the host's effect fails, the work of the phase is kept and not done again.
  perform :"schema".store_result(v_lease, 0::smallint, p_output, p_provenance);
  begin
    select p.state, p.attempt into strict state, attempt
    from :"schema".pass_phase(v_lease, p_next_phase, p_output, p_yield) as p;
    return;
  exception when others or assert_failure then
    v_sqlstate := sqlstate;
  end;
  outcome := 'effect_failed';
  select e.state, e.delay_ms into strict state, delay_ms from :"schema".charge_effect(v_lease, v_sqlstate) as e;
end
$$;
