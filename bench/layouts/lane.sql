-- The job's row is the queue's entry and a claim does not touch it: it moves the lane's mark over it and writes one
-- lease row. Claims of a lane follow each other behind a lock.
alter table layout.job
  add column due_at timestamptz not null,
  add column attempt integer not null default 0;
create index job_claim on layout.job (lane_id, priority, due_at, id);

create function layout.enqueue(p_jobs jsonb) returns void language sql volatile as $$
  insert into layout.job (id, lane_id, priority, tenant, unique_key, idempotency_key, due_at, payload)
  select id, lane_id, priority, tenant, unique_key, idempotency_key, due_at, payload
  from layout.read_jobs(p_jobs)
  on conflict do nothing
$$;

create function layout.claim(
  p_token uuid, p_worker text, p_lanes integer[], p_limit integer, p_lease_ms integer
) returns table (job_id bigint, attempt integer, payload jsonb)
language plpgsql volatile
set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz;
  v_mark layout.mark;
  v_is_look boolean;
  v_left integer := p_limit;
  v_ids bigint[];
  v_attempts integer[];
  v_last_at timestamptz;
  v_last_id bigint;
  v_all_ids bigint[] := '{}';
  v_all_attempts integer[] := '{}';
begin
  -- What others claimed must be seen once the lock is ours.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'claim needs read committed';
  end if;
  perform pg_advisory_xact_lock(7, l.id) from (
    select id from layout.lane where id = any (p_lanes) and not is_paused order by id
  ) as l;
  v_now := clock_timestamp();
  for v_mark in
    select m.* from layout.mark as m join layout.lane as l on l.id = m.lane_id
    where m.lane_id = any (p_lanes) and not l.is_paused order by m.priority, m.lane_id
  loop
    v_is_look := v_mark.look_at <= v_now;
    if v_is_look or (v_mark.mark_at, v_mark.mark_id) < (v_mark.high_at, v_mark.high_id) then
      -- Some of what lies here is leased already.
      select array_agg(c.id), array_agg(c.attempt + 1), max(c.due_at) into v_ids, v_attempts, v_last_at
      from (
        select q.id, q.attempt, q.due_at from layout.job as q
        where q.lane_id = v_mark.lane_id and q.priority = v_mark.priority and q.due_at <= v_now
          and (v_is_look or (q.due_at, q.id) > (v_mark.mark_at, v_mark.mark_id))
          and not exists (select from layout.full_tenant as f where f.tenant = q.tenant)
          and q.id not in (select unnest(e.ids) from layout.lease as e)
        order by q.due_at, q.id limit v_left
      ) as c;
    else
      select array_agg(c.id), array_agg(c.attempt + 1), max(c.due_at) into v_ids, v_attempts, v_last_at
      from (
        select q.id, q.attempt, q.due_at from layout.job as q
        where q.lane_id = v_mark.lane_id and q.priority = v_mark.priority and q.due_at <= v_now
          and (q.due_at, q.id) > (v_mark.mark_at, v_mark.mark_id)
          and not exists (select from layout.full_tenant as f where f.tenant = q.tenant)
        order by q.due_at, q.id limit v_left
      ) as c;
    end if;
    continue when v_ids is null and not v_is_look;
    if v_ids is not null then
      v_last_id := v_ids[cardinality(v_ids)];
      -- A full batch leaves something behind it, so that a look which fills one puts the mark back.
      if cardinality(v_ids) = v_left or (v_last_at, v_last_id) > (v_mark.mark_at, v_mark.mark_id) then
        v_mark.mark_at := v_last_at;
        v_mark.mark_id := v_last_id;
      end if;
      if (v_last_at, v_last_id) > (v_mark.high_at, v_mark.high_id) then
        v_mark.high_at := v_last_at;
        v_mark.high_id := v_last_id;
      end if;
      v_left := v_left - cardinality(v_ids);
      v_all_ids := v_all_ids || v_ids;
      v_all_attempts := v_all_attempts || v_attempts;
    end if;
    if v_is_look then
      v_mark.look_at := clock_timestamp()
        + greatest(interval '250 milliseconds', 20 * (clock_timestamp() - v_now));
    end if;
    update layout.mark as m set mark_at = v_mark.mark_at, mark_id = v_mark.mark_id, high_at = v_mark.high_at,
      high_id = v_mark.high_id, look_at = v_mark.look_at
    where m.lane_id = v_mark.lane_id and m.priority = v_mark.priority;
    exit when v_left = 0;
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
    -- Due now, and so ahead of the mark: no look is needed to find it.
    update layout.job as j set attempt = l.attempt, due_at = clock_timestamp()
    from jobs as l where j.id = l.id returning 1
  )
  select count(*)::integer from waiting
$$;
