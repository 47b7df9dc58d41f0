-- Who comes before a job that is due: tenants whose turn it is first, and jobs that are due and of higher priority, or
-- longer due. Private; see explain_job. Counts to 1,000 at most.
--   Index: ready (lane_id, priority, due_at, job_id); of a gated job ready_gated_claim (lane_id, tenant, priority, due_at,
--   job_id).
--   Answers: one row per cause, tenant_turn before waits_turn; none when nobody comes before it.
create or replace function :"schema".explain_turn(p_ready :"schema".ready, p_lane :"schema".lane, p_now timestamptz)
returns table (cause text, sentence text, blocker text, until timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_lanes integer[] := array(
    select n.id from :"schema".lane as n
    where n.queue = p_lane.queue and n.solo = p_lane.solo and n.gated = p_lane.gated
  );
  v_jobs integer;
  v_tenants integer;
begin
  if p_ready.due_at > p_now then
    return;
  end if;
  select count(*) into v_jobs from (
    select from :"schema".ready as r
    where r.lane_id = any (v_lanes) and r.tenant is not distinct from p_ready.tenant and r.due_at <= p_now
      and (r.priority, r.due_at, r.job_id) < (p_ready.priority, p_ready.due_at, p_ready.job_id)
    limit 1000
  ) as b;
  if p_lane.gated then
    with flow as (
      -- In virtual time, as choose_gated has it.
      select g.tenant, g.due_at, greatest(coalesce(t.finish, 0) - coalesce(c.at, 0), 0)
        + case when g.tenant = p_ready.tenant then v_jobs / coalesce(w.weight, 1) else 0 end as start
      from (
        select r.tenant, min(r.due_at) as due_at from :"schema".ready as r
        where r.lane_id = any (v_lanes) and r.due_at <= p_now group by r.tenant
      ) as g
      left join :"schema".turn_clock as c on c.queue = p_lane.queue
      left join :"schema".turn as t on t.queue = p_lane.queue and t.tenant = g.tenant
      left join :"schema".tenant_weight as w on w.tenant = g.tenant
    )
    select count(*) into v_tenants from flow as o join flow as own on own.tenant = p_ready.tenant
    where o.tenant <> own.tenant and (o.start, o.due_at) < (own.start, own.due_at);
    if v_tenants > 0 then
      return query select 'tenant_turn',
        format('Tenants take turns in the queue %s, and this job of %s comes after %s of them.', p_lane.queue,
          coalesce('tenant ' || nullif(p_ready.tenant, ''), 'no tenant'), v_tenants),
        'queue ' || p_lane.queue, null::timestamptz;
    end if;
  end if;
  if v_jobs > 0 then
    return query select 'waits_turn',
      format('It is number %s of the due jobs%s in the queue %s, with priority %s and due since %s.',
        case when v_jobs >= 1000 then 'over 1,000' else (v_jobs + 1)::text end,
        ' of tenant ' || nullif(p_ready.tenant, ''), p_lane.queue, p_ready.priority, :"schema".say_time(p_ready.due_at)),
      'queue ' || p_lane.queue, null::timestamptz;
  end if;
end
$$;
