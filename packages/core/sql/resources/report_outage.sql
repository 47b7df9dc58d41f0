-- Opens the breaker of a lease's resource, because the backend was down: for 5 to 60 seconds, longer after each outage
-- that follows another. Several jobs may tell of one outage, and only the first opens; while one job looks whether the
-- backend is back, what others tell is old. Private; the caller holds the lease's row lock.
--   p_retry_after_ms: what the backend asked us to wait, or null; at most one day of it is honoured.
--   Locks: the resource's row. Index: resource (name).
create or replace function :"schema".report_outage(
  p_lease :"schema".lease, p_code text, p_retry_after_ms integer
) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz;
  v_asked_until timestamptz;
  v_resource :"schema".resource;
  v_outages integer;
begin
  select * into v_resource from :"schema".resource as r where r.name = p_lease.resource for no key update;
  if not found then
    return;
  end if;
  v_now := :"schema".clock();
  v_asked_until := v_now + least(coalesce(p_retry_after_ms, 0), 86400000) * interval '1 millisecond';
  if v_resource.state = 'closed'
    or (v_resource.probe_job_id = p_lease.job_id and v_resource.probe_token = p_lease.token)
  then
    v_outages := 1 + case
      when v_resource.state <> 'closed' or v_resource.slow_since > v_now - interval '1 minute' then v_resource.outages
      else 0
    end;
    update :"schema".resource as r
    set state = 'open', code = p_code, outages = v_outages, probe_job_id = null, probe_token = null, changed_at = v_now,
      open_until = greatest(
        v_now + :"schema".backoff_ms(v_outages, 10000, 60000) * interval '1 millisecond', v_asked_until
      )
    where r.name = v_resource.name;
  elsif v_resource.state = 'open' and v_resource.open_until < v_asked_until then
    update :"schema".resource as r set open_until = v_asked_until where r.name = v_resource.name;
  end if;
end
$$;
