-- Writes down what an attempt cost its job and says where the job goes now. Only `retry` and `effect` count as
-- failures of the job, only `lapse` as a loss, only `outage` as an outage.
--   How often and when a failure is retried is what set_retry_policy said of the phase, else what its type says.
--   Locks: the job's counter row. Index: job_counter (job_id, phase), retry_policy (type, phase).
--   Answers: to_state (queued, dead), delay_ms, and whether the next run is alone in its process.
create or replace function :"schema".charge_lease(
  p_lease :"schema".lease, p_move text, p_code text, p_message text,
  out to_state text, out delay_ms integer, out solo boolean
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_lane :"schema".lane;
  v_type :"schema".job_type;
  v_policy :"schema".retry_policy;
  v_counter :"schema".job_counter;
  v_losses integer;
  v_losses_alone integer;
  v_failed integer := (p_move in ('retry', 'effect'))::integer;
  -- A lease that was held for a run alone and never begun costs nothing.
  v_lost integer := (p_move = 'lapse' and p_lease.started_at is not null)::integer;
begin
  select * into strict v_lane from :"schema".lane where id = p_lease.lane_id;
  select * into strict v_type from :"schema".job_type where name = v_lane.type;
  to_state := 'queued';
  delay_ms := 0;
  solo := p_lease.solo;
  if v_failed + v_lost = 0 and p_move <> 'outage' then
    return;
  end if;
  insert into :"schema".job_counter as c
    (job_id, phase, failures, losses, losses_alone, outages, last_code, last_message, last_at)
  values (
    p_lease.job_id, v_lane.phase, v_failed, v_lost, v_lost * p_lease.solo::integer,
    (p_move = 'outage')::integer, p_code, left(p_message, 1024), :"schema".clock()
  )
  on conflict (job_id, phase) do update set
    failures = c.failures + excluded.failures,
    losses = c.losses + excluded.losses,
    losses_alone = c.losses_alone + excluded.losses_alone,
    outages = c.outages + excluded.outages,
    last_code = excluded.last_code,
    last_message = excluded.last_message,
    last_at = excluded.last_at
  returning * into v_counter;
  if v_failed = 1 then
    select * into v_policy from :"schema".retry_policy where type = v_lane.type and phase = v_lane.phase;
    v_policy.base_ms := coalesce(v_policy.base_ms, v_type.backoff_base_ms);
    delay_ms := case v_policy.kind when 'fixed' then v_policy.base_ms else :"schema".backoff_ms(
      v_counter.failures, v_policy.base_ms, coalesce(v_policy.cap_ms, v_type.backoff_cap_ms)
    ) end;
    if v_counter.failures > coalesce(v_policy.retries_max, v_type.retries_max) then
      to_state := 'dead';
    end if;
  elsif p_move = 'outage' then
    -- 5 to 10 s at first, at most a minute: long enough for no stampede, short enough for a restart.
    delay_ms := :"schema".backoff_ms(v_counter.outages, 10000, 60000);
  else
    select sum(losses), sum(losses_alone) into v_losses, v_losses_alone
    from :"schema".job_counter where job_id = p_lease.job_id;
    solo := true;
    if v_losses >= v_type.losses_max and v_losses_alone >= 1 then
      to_state := 'dead';
    end if;
  end if;
end
$$;
