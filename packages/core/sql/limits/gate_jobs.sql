-- Sees to it that every job which begins to wait, whoever wrote it down, waits at the gate of its limits. Fires after each
-- insert into `ready` while there are limits.
--   Index: lane (id), job_limit (scope, key).
create or replace function :"schema".gate_jobs() returns trigger
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_job_ids bigint[];
begin
  -- Where only queues and types have limits, most jobs are told apart by their lane.
  select array_agg(a.job_id) into v_job_ids
  from (
    select g.lane_id from (select distinct d.lane_id from added as d) as g
    join :"schema".lane as n on n.id = g.lane_id
    where exists (
      select from :"schema".job_limit as m
      where m.scope in ('tenant', 'pause') or (m.scope, m.key) in (('queue', n.queue), ('type', n.type))
    )
  ) as l
  join added as a on a.lane_id = l.lane_id;
  if v_job_ids is not null then
    perform :"schema".gate_waiting(v_job_ids);
  end if;
  return null;
end
$$;
