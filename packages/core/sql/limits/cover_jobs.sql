-- Puts the jobs that wait and run under a limit that is new. Private; the caller keeps all writers of `ready` out, and so
-- all claims.
create or replace function :"schema".cover_jobs(p_scope text, p_key text) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  insert into :"schema".slot as s (scope, key, job_id, token)
  select p_scope, k.key, l.job_id, l.token
  from :"schema".lease as l
  join :"schema".lane as n on n.id = l.lane_id
  join :"schema".job as j on j.id = l.job_id
  cross join lateral (
    select case p_scope when 'queue' then n.queue when 'type' then n.type else nullif(j.tenant, '') end as key
  ) as k
  -- A pause counts nobody.
  where p_scope <> 'pause' and (k.key = p_key or (p_scope = 'tenant' and p_key = '*' and k.key is not null))
  on conflict (scope, key, job_id) do update set token = excluded.token;

  perform :"schema".gate_waiting(array(
    select r.job_id from :"schema".ready as r join :"schema".lane as n on n.id = r.lane_id
    where r.lane_id > 0 and case p_scope when 'queue' then n.queue = p_key when 'type' then n.type = p_key else true end
  ));
end
$$;
