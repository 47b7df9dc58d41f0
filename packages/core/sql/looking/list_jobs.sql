-- Jobs by what is known about them, without content: the newest first, and of a state that jobs end badly in, those that
-- ended last. However many there are, it looks at some 20,000 in one call and says where to go on.
--   p_filter: { and, all optional: queue, type, state (queued, waiting, leased, completed, failed, dead, cancelled), code
--   (the last trouble), tenant, worker (who has it, or had it last), after (what an earlier call answered in `next`) }.
--   Any other field is an error, and so is a filter that is no object.
--   p_limit: jobs in the answer, 200 at most.
--   Index: job (id), and by state ready, lease, waiting (job_id), stopped (state, finished_at).
--   Answers: jobs, an array of { id, type, version, queue, priority, state, phase, attempt, code, worker, failures,
--   losses, outages, createdAt, dueAt, leasedUntil, finishedAt, waitingReason, waitingName, wakeAt }; and next, to be
--   given as `after`, or null when there is nothing more. There may be more with an empty array: nothing fitted among
--   those that were looked at.
create or replace function :"schema".list_jobs(
  p_filter jsonb default '{}', p_limit integer default 50, out jobs jsonb, out next jsonb
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_state text := p_filter ->> 'state';
  v_look integer := greatest(p_limit, 100);
  v_looked integer := 0;
  v_walked bigint[];
  v_found bigint[] := '{}';
  v_last bigint;
begin
  if jsonb_typeof(p_filter) is distinct from 'object' or exists (
    select from jsonb_object_keys(p_filter) as f (name)
    where f.name not in ('queue', 'type', 'state', 'code', 'tenant', 'worker', 'after')
  ) then
    raise exception using errcode = '22023', message = 'list_jobs: the filter has a field that is not known';
  elsif v_state not in ('queued', 'waiting', 'leased', 'completed', 'failed', 'dead', 'cancelled') then
    raise exception using errcode = '22023', message = 'list_jobs: there is no such state';
  elsif p_limit not between 1 and 200 or p_limit is null then
    raise exception using errcode = '22023', message = 'list_jobs: p_limit is from 1 to 200';
  end if;
  next := p_filter -> 'after';
  -- Few at first: most lists are found among the newest.
  loop
    v_walked := array(select w.job_id from :"schema".walk_jobs(v_state, next, v_look) as w);
    v_looked := v_looked + cardinality(v_walked);
    v_found := v_found || :"schema".pick_jobs(v_walked, p_filter, p_limit - cardinality(v_found));
    v_last := case when cardinality(v_found) = p_limit then v_found[p_limit]
      when cardinality(v_walked) = v_look then v_walked[v_look] end;
    next := case when v_last is not null then jsonb_strip_nulls(jsonb_build_object('jobId', v_last, 'finishedAt', (
      select s.finished_at from :"schema".stopped as s where s.job_id = v_last and s.state = v_state
    ))) end;
    exit when next is null or cardinality(v_found) = p_limit or v_looked >= 20000;
    v_look := least(v_look * 4, 10000);
  end loop;
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', o.id, 'type', o.type, 'version', o.version, 'queue', o.queue, 'priority', o.priority, 'state', o.state,
    'phase', o.phase, 'attempt', o.attempt, 'code', o.code, 'worker', coalesce(o.worker, a.worker),
    'failures', o.failures, 'losses', o.losses, 'outages', o.outages, 'createdAt', o.created_at, 'dueAt', o.due_at,
    'leasedUntil', o.leased_until, 'finishedAt', o.finished_at, 'waitingReason', o.waiting_reason,
    'waitingName', o.waiting_name, 'wakeAt', o.wake_at
  ) order by u.place), '[]') into jobs
  from unnest(v_found) with ordinality as u (id, place)
  join :"schema".job as j on j.id = u.id
  -- Job by job: with the bound, the planner cannot begin with all there are.
  cross join lateral (select v.* from :"schema".job_overview as v where v.id = j.public_id limit 1) as o
  left join lateral (
    select t.worker from :"schema".attempt as t where t.job_id = j.id order by t.finished_at desc, t.attempt desc limit 1
  ) as a on true;
end
$$;
