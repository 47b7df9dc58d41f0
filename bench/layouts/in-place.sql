-- One row per job, which is the queue's entry and the lease too: a claim updates it, a completion deletes it.
alter table layout.job
  add column due_at timestamptz not null,
  add column attempt integer not null default 0,
  add column token uuid,
  add column worker text,
  add column leased_at timestamptz,
  add column until timestamptz;
create index job_claim on layout.job (lane_id, priority, due_at, id) where token is null;
create index job_lapse on layout.job (until) where token is not null;

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
  v_now timestamptz := clock_timestamp();
  v_left integer := p_limit;
  v_taken integer;
  v_head record;
begin
  for v_head in
    select l.id as lane_id, p.priority::smallint
    from layout.lane as l cross join generate_series(0, 9) as p (priority)
    where l.id = any (p_lanes) and not l.is_paused order by p.priority, l.id
  loop
    return query
      update layout.job as j
      set token = p_token, worker = p_worker, attempt = j.attempt + 1, leased_at = v_now,
        until = v_now + p_lease_ms * interval '1 millisecond'
      where j.id = any (array(
        select q.id from layout.job as q
        where q.lane_id = v_head.lane_id and q.priority = v_head.priority and q.token is null and q.due_at <= v_now
          and not exists (select from layout.full_tenant as f where f.tenant = q.tenant)
        order by q.due_at, q.id limit v_left for update skip locked
      ))
      returning j.id, j.attempt, j.payload;
    get diagnostics v_taken = row_count;
    v_left := v_left - v_taken;
    exit when v_left = 0;
  end loop;
end
$$;

create function layout.complete(p_token uuid, p_ids bigint[]) returns integer
language plpgsql volatile set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare
  v_now timestamptz := clock_timestamp();
  v_count integer;
begin
  with closed as (
    delete from layout.job as j where j.id = any (p_ids) and j.token = p_token and j.until > v_now
    returning j.id, j.public_id, j.attempt, j.worker, j.leased_at
  ), written as (
    insert into layout.attempt (job_id, attempt, token, worker, started_at, finished_at, outcome)
    select c.id, c.attempt, p_token, c.worker, c.leased_at, v_now, 'completed' from closed as c
  )
  select count(*) into v_count
  from closed as c, lateral layout.on_job(c.public_id, 'bench', 'leased', 'completed', 'run', null, null);
  return v_count;
end
$$;

create function layout.lapse() returns integer language sql volatile as $$
  with lost as materialized (
    select id, attempt, token, worker, leased_at from layout.job
    where token is not null and until <= clock_timestamp() for update skip locked
  ), written as (
    insert into layout.attempt (job_id, attempt, token, worker, started_at, finished_at, outcome)
    select id, attempt, token, worker, leased_at, clock_timestamp(), 'lapsed' from lost
  ), waiting as (
    update layout.job as j set token = null, due_at = clock_timestamp() from lost as l where j.id = l.id returning 1
  )
  select count(*)::integer from waiting
$$;
