-- Lets jobs of a resource be claimed again, on an operator's order: slowly at first, as after any outage.
--   Locks: the resource's row. Index: resource (name).
--   Answers: ok | not_found | closed (it was closed before; nothing was written).
create or replace function :"schema".close_breaker(p_name text) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
begin
  update :"schema".resource as r
  set state = 'closed', open_until = null, code = null, outages = 0, probe_job_id = null, probe_token = null,
    slow_since = v_now, changed_at = v_now
  where r.name = p_name and r.state <> 'closed';
  if found then
    perform :"schema".hint_workers();
    return 'ok';
  end if;
  perform from :"schema".resource as r where r.name = p_name;
  return case when found then 'closed' else 'not_found' end;
end
$$;
