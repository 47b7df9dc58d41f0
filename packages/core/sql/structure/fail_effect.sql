-- Charges a job for what its host could not write down with it: the transaction that tried is undone, and this is the
-- next one. As with a hook that raises, the job waits again or is dead.
--   p_phase: the phase that was to be settled. p_message: the product's own words, cut to 1,024 characters.
--   p_output, p_provenance: what the phase returned, so that only its effect is tried again; null when the phase itself
--   must run again.
--   Locks: the lease's row and the counter's. Index: lease (job_id).
--   Answers: outcome effect_failed | already | lost, with the job's state (queued, dead) and the delay until it is due.
create or replace function :"schema".fail_effect(
  p_job_id bigint, p_token uuid, p_phase text, p_message text, p_output jsonb, p_provenance jsonb,
  out outcome text, out state text, out delay_ms integer
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_lease :"schema".lease;
begin
  select l.* into v_lease from :"schema".lease as l join :"schema".lane as n on n.id = l.lane_id
  where l.job_id = p_job_id and l.token = p_token and n.phase = p_phase for update of l;
  if not found then
    select a.* into strict outcome, state, delay_ms from :"schema".answer_stale(p_job_id, p_token) as a;
    return;
  end if;
  outcome := 'effect_failed';
  perform :"schema".store_result(v_lease, 0::smallint, p_output, p_provenance);
  select e.state, e.delay_ms into strict state, delay_ms from :"schema".end_by_effect(v_lease, p_message) as e;
end
$$;
