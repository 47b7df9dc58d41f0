-- The fence for a transaction of the caller's own: until it ends, nobody can take the lease away.
--   Locks: the lease's row against deletion, not against renewal. Index: lease (job_id).
--   Answers: ok | lost. On `lost` the caller rolls back.
create or replace function :"schema".hold_lease(p_job_id bigint, p_token uuid) returns text
language plpgsql volatile security definer set search_path = ''
as $$
begin
  perform from :"schema".lease where job_id = p_job_id and token = p_token for key share;
  return case when found then 'ok' else 'lost' end;
end
$$;
