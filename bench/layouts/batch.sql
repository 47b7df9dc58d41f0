-- A job and a ready row each; a claim deletes the ready rows and writes one lease row for all of them.
create table layout.ready (
  job_id bigint not null,
  lane_id integer not null,
  priority smallint not null,
  due_at timestamptz not null,
  tenant text,
  attempt integer not null
);
create index ready_claim on layout.ready (lane_id, priority, due_at, job_id);

create function layout.enqueue(p_jobs jsonb) returns void language sql volatile as $$
  with new as materialized (
    select * from layout.read_jobs(p_jobs)
  ), added as (
    insert into layout.job (id, lane_id, priority, tenant, unique_key, idempotency_key, payload)
    select id, lane_id, priority, tenant, unique_key, idempotency_key, payload from new
    on conflict do nothing returning id
  )
  insert into layout.ready (job_id, lane_id, priority, due_at, tenant, attempt)
  select n.id, n.lane_id, n.priority, n.due_at, n.tenant, 0 from new as n join added as a on a.id = n.id
$$;

create function layout.claim(
  p_token uuid, p_worker text, p_lanes integer[], p_limit integer, p_lease_ms integer
) returns table (job_id bigint, attempt integer, payload jsonb)
language plpgsql volatile
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_from timestamptz;
  v_mark layout.mark;
  v_ids bigint[];
  v_attempts integer[];
  v_last timestamptz;
  v_all_ids bigint[] := '{}';
  v_all_attempts integer[] := '{}';
begin
  for v_mark in
    select m.* from layout.mark as m join layout.lane as l on l.id = m.lane_id
    where m.lane_id = any (p_lanes) and not l.is_paused order by m.priority, m.lane_id
  loop
    v_from := case when v_mark.look_at <= v_now then '-infinity' else v_mark.mark_at end;
    with taken as (
      delete from layout.ready as r
      where r.ctid = any (array(
        select q.ctid from layout.ready as q
        where q.lane_id = v_mark.lane_id and q.priority = v_mark.priority and q.due_at >= v_from and q.due_at <= v_now
          and not exists (select from layout.full_tenant as f where f.tenant = q.tenant)
        order by q.due_at, q.job_id limit p_limit - cardinality(v_all_ids) for update skip locked
      ))
      returning r.job_id, r.attempt + 1 as attempt, r.due_at
    )
    select array_agg(t.job_id), array_agg(t.attempt), max(t.due_at) into v_ids, v_attempts, v_last from taken as t;
    if v_ids is null then
      continue when v_mark.look_at > v_now;
    else
      v_all_ids := v_all_ids || v_ids;
      v_all_attempts := v_all_attempts || v_attempts;
    end if;
    -- Whoever comes first moves the mark; nobody waits for it.
    perform from layout.mark as m where m.lane_id = v_mark.lane_id and m.priority = v_mark.priority
    for update skip locked;
    if found then
      update layout.mark as m set
        mark_at = coalesce(v_last, m.mark_at),
        look_at = case when m.look_at > v_now then m.look_at else clock_timestamp() + greatest(
          interval '250 milliseconds', 20 * (clock_timestamp() - v_now)
        ) end
      where m.lane_id = v_mark.lane_id and m.priority = v_mark.priority;
    end if;
    exit when cardinality(v_all_ids) >= p_limit;
  end loop;
  if cardinality(v_all_ids) = 0 then
    return;
  end if;
  insert into layout.lease (token, worker, leased_at, until, ids, attempts)
  values (p_token, p_worker, v_now, v_now + p_lease_ms * interval '1 millisecond', v_all_ids, v_all_attempts);
  return query
    select j.id, u.attempt, j.payload
    from unnest(v_all_ids, v_all_attempts) as u (id, attempt) join layout.job as j on j.id = u.id;
end
$$;

create function layout.lapse() returns integer language sql volatile as $$
  with lost as (
    delete from layout.lease where until <= clock_timestamp() returning *
  ), jobs as materialized (
    select u.id, u.attempt, l.token, l.worker, l.leased_at
    from lost as l, lateral unnest(l.ids, l.attempts) as u (id, attempt)
  ), written as (
    insert into layout.attempt (job_id, attempt, token, worker, started_at, finished_at, outcome)
    select id, attempt, token, worker, leased_at, clock_timestamp(), 'lapsed' from jobs
  ), waiting as (
    insert into layout.ready (job_id, lane_id, priority, due_at, tenant, attempt)
    select j.id, j.lane_id, j.priority, clock_timestamp(), j.tenant, l.attempt
    from jobs as l join layout.job as j on j.id = l.id returning 1
  )
  select count(*)::integer from waiting
$$;
