-- What began and ended in each of the last minutes, for charts. It costs no more than some 50,000 attempts do, and 50,000
-- ends of each state.
--   p_minutes: 1 to 1,440.
--   Index: attempt (job_id, phase, attempt), stopped (state, finished_at).
--   Answers: one row per minute, also where nothing was, the oldest first, and the present one last: started (attempts
--   that began), completed (jobs), failed, dead, cancelled (jobs), and is_whole: false where more was than is looked at.
--   A job that is far older than all the others that end now is not seen to complete.
create or replace function :"schema".get_throughput(p_minutes integer default 60)
returns table (
  minute timestamptz, started integer, completed integer, failed integer, dead integer, cancelled integer, is_whole boolean
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
set enable_seqscan = off set enable_bitmapscan = off set jit = off
as $$
#variable_conflict use_column
declare
  v_to timestamptz := date_trunc('minute', :"schema".clock());
  v_from timestamptz;
  v_recent record;
begin
  if p_minutes not between 1 and 1440 or p_minutes is null then
    raise exception using errcode = '22023', message = 'get_throughput: p_minutes is from 1 to 1440';
  end if;
  v_from := v_to - (p_minutes - 1) * interval '1 minute';
  select r.job_id, r.is_whole into strict v_recent from :"schema".recent_attempts(v_from) as r;
  return query
    with late as materialized (
      select a.job_id, a.started_at, a.finished_at, a.outcome from :"schema".attempt as a
      where a.job_id >= v_recent.job_id and a.finished_at >= v_from
    ), happened as (
      select 'started' as what, l.started_at as at from late as l where l.started_at >= v_from
      union all
      select 'started', l.started_at from :"schema".lease as l where l.started_at >= v_from
      union all
      select 'completed', d.finished_at from (
        select distinct on (l.job_id) l.job_id, l.finished_at, l.outcome from late as l order by l.job_id, l.finished_at desc
      ) as d
      where d.outcome = 'completed' and not exists (
        select from :"schema".ready as r where r.job_id = d.job_id
        union all select from :"schema".lease as l where l.job_id = d.job_id
        union all select from :"schema".waiting as w where w.job_id = d.job_id
        union all select from :"schema".stopped as s where s.job_id = d.job_id
      )
      union all
      select k.state, s.finished_at from (values ('failed'), ('dead'), ('cancelled')) as k (state)
      cross join lateral (
        select s.finished_at from :"schema".stopped as s where s.state = k.state and s.finished_at >= v_from
        order by s.finished_at desc limit 50000
      ) as s
    ), counted as (
      select date_trunc('minute', h.at) as minute, h.what, count(*)::integer as ct from happened as h group by 1, 2
    )
    select m.minute, coalesce(sum(c.ct) filter (where c.what = 'started'), 0)::integer,
      coalesce(sum(c.ct) filter (where c.what = 'completed'), 0)::integer,
      coalesce(sum(c.ct) filter (where c.what = 'failed'), 0)::integer,
      coalesce(sum(c.ct) filter (where c.what = 'dead'), 0)::integer,
      coalesce(sum(c.ct) filter (where c.what = 'cancelled'), 0)::integer, v_recent.is_whole
    from generate_series(v_from, v_to, interval '1 minute') as m (minute)
    left join counted as c on c.minute = m.minute group by m.minute order by m.minute;
end
$$;
