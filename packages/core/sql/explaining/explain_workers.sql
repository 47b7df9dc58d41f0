-- Who could claim a job, as far as that holds it up: what is paused, that nobody runs its lane, that all who do are busy,
-- and that it must run alone. Private; see explain_job.
--   Answers: one row per cause, in this order: paused, no_worker or workers_busy, runs_alone.
create or replace function :"schema".explain_workers(p_job_id bigint, p_lane :"schema".lane, p_now timestamptz)
returns table (cause text, sentence text, blocker text, until timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_what text := format('%s/%s, phase %s, of the queue %s', p_lane.type, p_lane.version, p_lane.phase, p_lane.queue);
  v_live integer;
  v_others text;
  v_runners integer;
  v_slots bigint;
  v_names text;
  v_is_busy boolean;
begin
  return query
    select 'paused',
      format('The %s is paused since %s by %s', b.blocker, :"schema".say_time(p.paused_at), p.paused_by)
        || coalesce(' (' || p.reason || ')', '') || ': resume lets it go on.',
      b.blocker, null::timestamptz
    from :"schema".pause as p
    cross join lateral (
      select concat(p.scope, ' ', p.name, '/' || p.version, ', phase ' || p.phase) as blocker
    ) as b
    where p.name = case p.scope when 'queue' then p_lane.queue when 'type' then p_lane.type
        when 'tenant' then (select j.tenant from :"schema".job as j where j.id = p_job_id) end
      and coalesce(p.version, p_lane.version) = p_lane.version and coalesce(p.phase, p_lane.phase) = p_lane.phase
    order by p.scope, p.paused_at;

  select count(*), string_agg(distinct t.name, ', ' order by t.name) into v_live, v_others
  from :"schema".workers as w
  left join lateral (
    select o.name from unnest(w.types) as o (name) where split_part(o.name, '/', 1) = p_lane.type
  ) as t on true
  where w.state = 'live';
  select sum(r.workers), sum(r.slots), string_agg(r.name, ', ' order by r.name),
    -- A name may be that of several workers.
    bool_and(r.slots <= (select count(*) from :"schema".lease as l where l.worker = r.name and l.until >= p_now))
  into v_runners, v_slots, v_names, v_is_busy
  from (
    select g.name, count(*)::integer as workers, sum(g.slots) as slots
    from :"schema".live_runners(p_lane, p_now) as g group by g.name
  ) as r;
  if v_runners is null then
    return query select 'no_worker',
      format('No live worker runs %s: ', v_what) || case when v_live = 0 then 'none is live.'
        when v_others is null then 'those that are live run other types.'
        else format('of its type, those that are live run %s.', v_others) end,
      format('%s/%s', p_lane.type, p_lane.version), null::timestamptz;
  elsif v_is_busy then
    return query select 'workers_busy',
      format('All slots (%s) of the live workers that run %s are taken: %s.', v_slots, v_what, v_names),
      v_names, null::timestamptz;
  end if;
  if p_lane.solo then
    return query select 'runs_alone', format(
        'It lost its worker (losses: %s), so it runs alone: it starts when a worker has finished what else it has in flight.',
        (select sum(c.losses) from :"schema".job_counter as c where c.job_id = p_job_id)
      ), null::text, null::timestamptz;
  end if;
end
$$;
