-- Ends a job on someone's order, and its children with it. A worker that runs it loses its lease and writes nothing more.
--   Locks: the lease's, ready or waiting row; for the children see cancel_children. Index: job (public_id), lease
--   (job_id), ready (job_id), waiting (job_id).
--   Answers: ok | not_found | settled (it had ended before). A hook that raises undoes the cancel and the error is
--   the caller's.
create or replace function :"schema".cancel_job(p_id uuid) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_job_id bigint;
begin
  select id into v_job_id from :"schema".job where public_id = p_id;
  if not found then
    return 'not_found';
  end if;
  return :"schema".stop_job(v_job_id, 'cancel', 'cancelled', null, true);
end
$$;
