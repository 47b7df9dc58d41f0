-- The fence for a transaction that does something of the caller's own and then settles the phase it belongs to: until it
-- ends, nobody can take the lease away, and no renewal waits for it. As with hold_lease, the server ends the transaction
-- after 10 s without a word from the caller.
--   p_phase: the phase that is done. A job goes on to its next phase under the same token: what was written down with
--   an earlier one must not be done again.
--   Locks: the lease's row, as who ends it. Index: lease (job_id).
--   Answers: ok | lost. On `lost` the caller does nothing of its own, and asks how the phase was settled.
create or replace function :"schema".hold_phase(p_job_id bigint, p_token uuid, p_phase text) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform set_config('idle_in_transaction_session_timeout', '10s', true);
  perform from :"schema".lease as l join :"schema".lane as n on n.id = l.lane_id
  where l.job_id = p_job_id and l.token = p_token and n.phase = p_phase for update of l;
  return case when found then 'ok' else 'lost' end;
end
$$;
