-- The fence for a transaction of the caller's own: until it ends, nobody can take the lease away. So that a caller who
-- fell silent, behind a dead network say, does not keep his job for ever, the server ends the transaction after 10 s
-- without a word from him.
--   Locks: the lease's row against deletion, not against renewal. Index: lease (job_id).
--   Answers: ok | lost. On `lost` the caller rolls back.
create or replace function :"schema".hold_lease(p_job_id bigint, p_token uuid) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  perform set_config('idle_in_transaction_session_timeout', '10s', true);
  perform from :"schema".lease where job_id = p_job_id and token = p_token for key share;
  return case when found then 'ok' else 'lost' end;
end
$$;
