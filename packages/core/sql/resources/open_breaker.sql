-- Stops the claims for a resource, on an operator's order. Jobs that run go on, and fail or complete as ever.
--   p_for_ms: after so long one job looks whether it is back; null: nobody does until close_breaker.
--   p_code: why, in [a-z0-9_]; it is shown.
--   Locks: the resource's row. Index: resource (name).
--   Answers: ok | not_found.
create or replace function :"schema".open_breaker(
  p_name text, p_for_ms integer default null, p_code text default 'paused'
) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
begin
  if p_code !~ '^[a-z0-9_]{1,64}$' then
    raise exception using errcode = '22023', message = 'open_breaker: p_code must match [a-z0-9_]{1,64}';
  end if;
  update :"schema".resource as r
  set state = 'open', code = p_code, probe_job_id = null, probe_token = null, changed_at = v_now,
    open_until = case
      when p_for_ms is null then 'infinity' else v_now + greatest(p_for_ms, 0) * interval '1 millisecond'
    end
  where r.name = p_name;
  return case when found then 'ok' else 'not_found' end;
end
$$;
