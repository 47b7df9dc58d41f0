-- What an operator asks first. Names and numbers only.
--   p_lag_seconds: how long a job may be due.
--   db_role: some login may claim jobs, be it the caller's or another: a web application's login asks and never claims.
--   Superusers do not count. queue_visibility: the queue can be read; due jobs are counted up to 10,000.
--   queue_lag: no job has been due for longer than p_lag_seconds. score_watch: no model gives too many submissions the same,
--   or else which, with which program: their results need review until learning_forget_scores(model), or better ones.
create or replace function :"schema".learning_health(p_lag_seconds double precision)
returns table (check_name text, status text, detail text)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
-- By the index of claims, whatever the statistics say: who asks how a queue fares must not weigh on a long one.
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_claim oid := (
    select p.oid from pg_proc as p where p.proname = 'claim_jobs' and p.pronamespace = (
      select f.pronamespace from pg_proc as f where f.oid = $f$:"schema".clock()$f$::regprocedure
    )
  );
  v_now timestamptz := :"schema".clock();
  v_counted constant integer := 10000;
  v_due bigint;
  v_oldest double precision;
  v_alarms text;
begin
  check_name := 'db_role';
  if has_function_privilege(session_user, v_claim, 'execute') or exists (
    select from pg_roles as r
    where r.rolcanlogin and not r.rolsuper and has_function_privilege(r.oid, v_claim, 'execute')
  ) then
    status := 'ok';
    detail := null;
  else
    status := 'failed';
    detail := 'no login may claim jobs: grant gustav_worker to one';
  end if;
  return next;
  select count(*) into v_due from (
    select from :"schema".lane as n cross join generate_series(0, 9) as p (priority)
    join :"schema".ready as r on r.lane_id = n.id and r.priority = p.priority
    where n.queue = 'learning' and r.due_at between '-infinity' and v_now limit v_counted + 1
  ) as d;
  select coalesce(extract(epoch from v_now - min(o.due_at)), 0) into v_oldest
  from :"schema".lane as n cross join generate_series(0, 9) as p (priority)
  cross join lateral (
    select r.due_at from :"schema".ready as r
    where r.lane_id = n.id and r.priority = p.priority and r.due_at between '-infinity' and v_now
    order by r.due_at limit 1
  ) as o
  where n.queue = 'learning';
  check_name := 'queue_visibility';
  status := 'ok';
  detail := format('visible_jobs=%s', case when v_due > v_counted then v_counted || '+' else v_due::text end);
  return next;
  check_name := 'queue_lag';
  status := case when v_oldest > p_lag_seconds then 'failed' else 'ok' end;
  detail := format('oldest_due_seconds=%s', floor(v_oldest)) || case status when 'failed' then format(' limit=%s', p_lag_seconds) else '' end;
  return next;
  select string_agg(
    format('%s: model %s, program %s %s (%s)', a.shape, a.model, a.program, a.version, left(a.hash, 8)), '; '
  ) into v_alarms from :"schema".learning_score_alarms() as a;
  check_name := 'score_watch';
  status := case when v_alarms is null then 'ok' else 'failed' end;
  detail := left(v_alarms, 1000);
  return next;
end
$$;
