-- Gives many ended jobs a new start, each as requeue_job does.
--   p_filter: { and, all optional: queue, type, tenant, phase, code, state (failed, dead or cancelled; failed and dead),
--   since, until (timestamptz: when they ended), outage (true: only victims of an outage, see is_outage_victim), after
--   (what an earlier call answered in `next`) }. Any other field is an error, and so is a filter that is no object.
--   p_limit: jobs looked at in one call. p_spread_ms: they are due at random times within so long from now.
--   p_dry_run: only counts.
--   Locks: the stopped rows, skipping those somebody else holds; then all their unique keys, by number, and their
--   parents' rows. Index: stopped (state, finished_at).
--   Answers: matched, and of these requeued, conflicted (another live job holds the unique key) and refused (the hook
--   raised; that job is left as it was); and next, the filter to go on with, or null when there is nothing more. What
--   ends while the calls go on is not looked at again.
create or replace function :"schema".requeue_jobs(
  p_filter jsonb, p_limit integer default 1000, p_spread_ms bigint default 0, p_dry_run boolean default false,
  out matched integer, out requeued integer, out conflicted integer, out refused integer, out next jsonb
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_until timestamptz := coalesce((p_filter ->> 'until')::timestamptz, :"schema".clock());
  v_ids bigint[];
  v_lock bigint;
  v_job :"schema".job;
  v_stopped record;
  v_delay_ms bigint;
  v_answer text;
begin
  if jsonb_typeof(p_filter) is distinct from 'object' or exists (
    select from jsonb_object_keys(p_filter) as f (name)
    where f.name not in ('queue', 'type', 'tenant', 'phase', 'code', 'state', 'since', 'until', 'outage', 'after')
  ) then
    raise exception using errcode = '22023', message = 'requeue_jobs: the filter has a field that is not known';
  elsif p_filter ->> 'state' not in ('failed', 'dead', 'cancelled') then
    raise exception using errcode = '22023', message = 'requeue_jobs: state must be failed, dead or cancelled';
  end if;
  p_filter := p_filter || jsonb_build_object('until', v_until);
  requeued := 0;
  conflicted := 0;
  refused := 0;
  select array_agg(f.job_id), count(*),
    case when count(*) = p_limit then (
      array_agg(jsonb_build_object('state', f.state, 'finishedAt', f.finished_at, 'jobId', f.job_id)
        order by f.state desc, f.finished_at desc, f.job_id desc)
    )[1] end
  into v_ids, matched, next from :"schema".find_stopped(p_filter, p_limit) as f;
  next := case when next is not null then p_filter || jsonb_build_object('after', next) end;
  if p_dry_run then
    return;
  end if;
  select array_agg(s.job_id) into v_ids from (
    select s.job_id from :"schema".stopped as s where s.job_id = any (v_ids) order by s.job_id for update skip locked
  ) as s;
  for v_lock in
    select distinct k.number from :"schema".job as j
    cross join lateral :"schema".key_locks(null, j.queue, null, j.unique_key) as k (number)
    where j.id = any (v_ids) order by 1
  loop
    perform pg_advisory_xact_lock(v_lock);
  end loop;
  perform :"schema".hold_families(v_ids);
  for v_stopped in
    select s.job_id, s.state, s.phase, t.hook is not null as has_hook from :"schema".stopped as s
    join :"schema".job as j on j.id = s.job_id join :"schema".job_type as t on t.name = j.type
    where s.job_id = any (v_ids)
  loop
    select * into strict v_job from :"schema".job where id = v_stopped.job_id;
    v_delay_ms := random() * greatest(p_spread_ms, 0);
    -- Types without a hook are spared the subtransaction.
    if not v_stopped.has_hook then
      v_answer := :"schema".restart_job(v_job, v_stopped.state, v_stopped.phase, v_delay_ms, '{}');
    else
      begin
        v_answer := :"schema".restart_job(v_job, v_stopped.state, v_stopped.phase, v_delay_ms, '{}');
      exception when others or assert_failure then
        if :"schema".is_server_trouble(sqlstate) then
          raise;
        end if;
        v_answer := 'refused';
      end;
    end if;
    requeued := requeued + (v_answer = 'ok')::integer;
    conflicted := conflicted + (v_answer = 'conflict')::integer;
    refused := refused + (v_answer = 'refused')::integer;
  end loop;
end
$$;
