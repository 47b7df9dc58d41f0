-- Moves a leased job and calls its hook; a hook that raises undoes this job's transition only and is charged as
-- `effect_failed`. Private; the caller holds the lease's row lock.
--   Answers: outcome (ok, effect_failed), state and delay_ms.
create or replace function :"schema".settle_lease(
  p_lease :"schema".lease, p_move text, p_code text, p_message text, p_delay_ms integer, p_output jsonb,
  p_provenance jsonb, out outcome text, out state text, out delay_ms integer
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_sqlstate text;
  v_type text;
  v_has_hook boolean;
begin
  select l.type, t.hook is not null into strict v_type, v_has_hook
  from :"schema".lane as l join :"schema".job_type as t on t.name = l.type where l.id = p_lease.lane_id;
  outcome := 'ok';
  if p_output is not null then
    -- Outside the block: when the host's effect fails, the work of the phase is kept and not done again.
    perform :"schema".store_result(p_lease, 0::smallint, p_output, p_provenance);
  end if;
  -- Types without a hook are spared the subtransaction.
  if not v_has_hook then
    select m.state, m.delay_ms into strict state, delay_ms
    from :"schema".move_lease(p_lease, p_move, p_code, p_message, p_delay_ms, p_output, false) as m;
    return;
  end if;
  begin
    select m.state, m.delay_ms into strict state, delay_ms
    from :"schema".move_lease(p_lease, p_move, p_code, p_message, p_delay_ms, p_output, true) as m;
    return;
  exception when others or assert_failure then
    v_sqlstate := sqlstate;
  end;
  outcome := 'effect_failed';
  -- A job that lost its worker runs alone next, whatever became of its hook.
  p_lease.solo := p_lease.solo or p_move = 'lapse';
  select e.state, e.delay_ms into strict state, delay_ms from :"schema".charge_effect(p_lease, v_sqlstate) as e;
  if p_move = 'lapse' then
    -- It was not the holder who ended the attempt: a late call of his must not look like success.
    update :"schema".attempt as a set outcome = 'lapsed'
    where a.job_id = p_lease.job_id and a.token = p_lease.token and a.outcome = 'effect_failed';
  end if;
end
$$;
