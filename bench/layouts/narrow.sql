-- An immutable job, and two narrow rows that come and go: one while it waits, one while it is leased.
create table layout.ready (
  job_id bigint not null,
  lane_id integer not null,
  priority smallint not null,
  due_at timestamptz not null,
  tenant text,
  attempt integer not null
);
create index ready_claim on layout.ready (lane_id, priority, due_at, job_id);

create table layout.lease (
  job_id bigint primary key,
  token uuid not null,
  worker text not null,
  attempt integer not null,
  leased_at timestamptz not null,
  until timestamptz not null
) with (fillfactor = 50);

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
      with taken as (
        -- Rows here are added and removed and never change, so that their places are good names for them.
        delete from layout.ready as r
        where r.ctid = any (array(
          select q.ctid from layout.ready as q
          where q.lane_id = v_head.lane_id and q.priority = v_head.priority and q.due_at <= v_now
            and not exists (select from layout.full_tenant as f where f.tenant = q.tenant)
          order by q.due_at, q.job_id limit v_left for update skip locked
        ))
        returning r.job_id, r.attempt
      ), leased as (
        insert into layout.lease as e (job_id, token, worker, attempt, leased_at, until)
        select t.job_id, p_token, p_worker, t.attempt + 1, v_now, v_now + p_lease_ms * interval '1 millisecond'
        from taken as t
        returning e.job_id, e.attempt
      )
      select j.id, e.attempt, j.payload from leased as e join layout.job as j on j.id = e.job_id;
    get diagnostics v_taken = row_count;
    v_left := v_left - v_taken;
    exit when v_left = 0;
  end loop;
end
$$;

create function layout.complete(p_token uuid, p_ids bigint[]) returns integer
language plpgsql volatile
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_count integer;
begin
  with closed as (
    delete from layout.lease as e where e.job_id = any (p_ids) and e.token = p_token and e.until > v_now
    returning e.job_id, e.attempt, e.worker, e.leased_at
  ), written as (
    insert into layout.attempt (job_id, attempt, token, worker, started_at, finished_at, outcome)
    select c.job_id, c.attempt, p_token, c.worker, c.leased_at, v_now, 'completed' from closed as c
  ), gone as (
    delete from layout.job as j using closed as c where j.id = c.job_id returning j.public_id
  )
  select count(*) into v_count
  from gone as g, lateral layout.on_job(g.public_id, 'bench', 'leased', 'completed', 'run', null, null);
  return v_count;
end
$$;

create function layout.lapse() returns integer language sql volatile as $$
  with lost as (
    delete from layout.lease where until <= clock_timestamp() returning *
  ), written as (
    insert into layout.attempt (job_id, attempt, token, worker, started_at, finished_at, outcome)
    select job_id, attempt, token, worker, leased_at, clock_timestamp(), 'lapsed' from lost
  ), waiting as (
    insert into layout.ready (job_id, lane_id, priority, due_at, tenant, attempt)
    select j.id, j.lane_id, j.priority, clock_timestamp(), j.tenant, l.attempt
    from lost as l join layout.job as j on j.id = l.job_id returning 1
  )
  select count(*)::integer from waiting
$$;
