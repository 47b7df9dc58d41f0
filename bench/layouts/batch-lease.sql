-- One lease row for all jobs of a claim, and how they are completed: for the layouts that have it.
create table layout.lease (
  token uuid primary key,
  worker text not null,
  leased_at timestamptz not null,
  until timestamptz not null,
  ids bigint[] not null,
  attempts integer[] not null
) with (fillfactor = 40, toast_tuple_target = 8160);
-- Arrays of 500 numbers would be compressed, which costs more than their bytes.
alter table layout.lease alter column ids set storage external, alter column attempts set storage external;

-- How far the claims of a lane have come, so that they need not walk over the rows that are dead but cannot be removed
-- yet. Rows that come to light behind the mark are found by a look from the start, every now and then.
create table layout.mark (
  lane_id integer not null,
  priority smallint not null,
  mark_at timestamptz not null default '-infinity',
  mark_id bigint not null default 0,
  high_at timestamptz not null default '-infinity',
  high_id bigint not null default 0,
  look_at timestamptz not null default '-infinity',
  primary key (lane_id, priority)
) with (fillfactor = 20);
insert into layout.mark (lane_id, priority) select l.id, p.p from layout.lane as l, generate_series(0, 9) as p (p);

create function layout.complete(p_token uuid, p_ids bigint[]) returns integer
language plpgsql volatile
set enable_seqscan = off set enable_mergejoin = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_lease layout.lease;
  v_count integer;
begin
  select * into v_lease from layout.lease where token = p_token and until > v_now for update;
  if not found then
    return 0;
  end if;
  if v_lease.ids <@ p_ids then
    delete from layout.lease where token = p_token;
  else
    update layout.lease as e set (ids, attempts) = (
      select coalesce(array_agg(u.id order by u.place), '{}'), coalesce(array_agg(u.attempt order by u.place), '{}')
      from unnest(v_lease.ids, v_lease.attempts) with ordinality as u (id, attempt, place)
      where u.id not in (select unnest(p_ids))
    ) where e.token = p_token;
  end if;
  with closed as materialized (
    select u.id, u.attempt from unnest(v_lease.ids, v_lease.attempts) as u (id, attempt)
    where u.id in (select unnest(p_ids))
  ), written as (
    insert into layout.attempt (job_id, attempt, token, worker, started_at, finished_at, outcome)
    select c.id, c.attempt, p_token, v_lease.worker, v_lease.leased_at, v_now, 'completed' from closed as c
  ), gone as (
    delete from layout.job as j where j.id = any (array(select c.id from closed as c)) returning j.public_id
  )
  select count(*) into v_count
  from gone as g, lateral layout.on_job(g.public_id, 'bench', 'leased', 'completed', 'run', null, null);
  return v_count;
end
$$;
