-- Sets or changes a limit. It holds for every claim from the moment this commits; jobs that run then count as used. Jobs
-- that wait and fall under a new limit move to its gate here, in some 5 s per 100,000.
--   p_scope, p_key: queue | type and a name, or tenant and a name or `*`, for each tenant without a limit of its own.
--   p_concurrency_max: leases at once, or null. p_rate_max: claims in any window of p_window_ms, or both null.
--   p_fair: tenants take turns, without a bound too; of a queue or a type.
--   Locks: for a new limit, `ready` against all writers, so that nobody slips past it; it waits for them 2 s at most. Then changes of limits against claims of gated jobs. Call it as a transaction of its own.
--   Answers: created | changed.
create or replace function :"schema".set_limit(
  p_scope text, p_key text, p_concurrency_max integer default null, p_rate_max integer default null,
  p_window_ms integer default null, p_fair boolean default false
) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  v_is_new boolean;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using errcode = '25001', message = 'set_limit: call it in a read committed transaction';
  end if;
  v_is_new := not exists (select from :"schema".job_limit where scope = p_scope and key = p_key);
  if v_is_new then
    -- It is there only while limits are: also a trigger that is disabled would cost every job something.
    create or replace trigger gate_jobs after insert on :"schema".ready referencing new table as added
      for each statement execute function :"schema".gate_jobs();
  end if;
  perform pg_advisory_xact_lock(hashtextextended($t$:"schema".job_limit$t$::regclass::oid || ' limits', 11));
  update :"schema".job_limit
  set concurrency_max = p_concurrency_max, rate_max = p_rate_max, window_ms = p_window_ms, fair = p_fair
  where scope = p_scope and key = p_key;
  if found and v_is_new then
    -- Somebody else made it while we waited, and all that follows.
    return 'changed';
  elsif not found and not v_is_new then
    raise exception using errcode = '40001', message = 'set_limit: the limit was dropped meanwhile; call again';
  elsif v_is_new then
    insert into :"schema".job_limit (scope, key, concurrency_max, rate_max, window_ms, fair)
    values (p_scope, p_key, p_concurrency_max, p_rate_max, p_window_ms, p_fair);
    perform :"schema".cover_jobs(p_scope, p_key);
  end if;
  -- There may be room now.
  perform :"schema".hint_workers();
  return case when v_is_new then 'created' else 'changed' end;
end
$$;
