-- Gives back what a claim took whose answer never arrived. Nothing was started, so nothing is counted.
--   Locks: the leases of this token. Reads the lease table once.
--   Answers: how many jobs wait again.
create or replace function :"schema".abandon_claim(p_worker text, p_token uuid) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_ids bigint[];
begin
  with gone as (
    delete from :"schema".lease where token = p_token and worker = p_worker
    returning job_id, lane_id, priority, attempt, leased_at
  ), waiting as (
    insert into :"schema".ready (job_id, lane_id, priority, due_at, attempt)
    select job_id, lane_id, priority, leased_at, attempt - 1 from gone
  )
  select array_agg(g.job_id) into v_ids from gone as g;
  if exists (select from :"schema".slot) then
    perform :"schema".free_slots(v_ids);
  end if;
  return coalesce(cardinality(v_ids), 0);
end
$$;
