-- Takes a limit away. Jobs that wait at its gate are claimed from there, like any other once nothing else holds them.
--   Locks: changes of limits against claims of gated jobs; for the last limit, `ready` against everybody, for
--   which it waits 2 s at most.
--   Answers: ok | not_found.
create or replace function :"schema".drop_limit(p_scope text, p_key text) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
  if not exists (select from :"schema".job_limit where scope = p_scope and key = p_key) then
    return 'not_found';
  end if;
  if not exists (select from :"schema".job_limit where (scope, key) <> (p_scope, p_key)) then
    lock table :"schema".ready in access exclusive mode;
  end if;
  perform pg_advisory_xact_lock(hashtextextended($t$:"schema".job_limit$t$::regclass::oid || ' limits', 11));
  delete from :"schema".job_limit where scope = p_scope and key = p_key;
  if not found then
    return 'not_found';
  end if;
  delete from :"schema".start_count where scope = p_scope and key = p_key;
  if not exists (select from :"schema".job_limit) then
    -- From here on no job pays for what nobody asks.
    drop trigger gate_jobs on :"schema".ready;
    delete from :"schema".slot;
  end if;
  perform :"schema".hint_workers();
  return 'ok';
end
$$;
