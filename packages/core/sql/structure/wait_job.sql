-- Ends an attempt whose phase cannot go on until something happens, and gives its lease back. That is no failure and
-- charged to nobody. When it happens the phase runs again from its start, with what it saved.
--   p_phase: the phase that waits. p_reason: signal (of the name p_name; p_timeout_ms bounds the wait, null does not) or
--   children (until all have ended; with p_fails_fast, until one has ended and not completed).
--   Locks: the lease's row, then the job's and the parent's, which whoever signals or ends a child locks, too: what comes
--   while this is being written is not missed. Index: lease (job_id), job (id), parent (job_id), signal (job_id, name).
--   Answers: outcome ok | already | lost | effect_failed, with the job's state (waiting; queued when it need not wait;
--   after a hook that raised queued or dead) and delay.
create or replace function :"schema".wait_job(
  p_job_id bigint, p_token uuid, p_phase text, p_reason text, p_name text, p_timeout_ms bigint, p_fails_fast boolean,
  out outcome text, out state text, out delay_ms integer
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_lease :"schema".lease;
  v_sqlstate text;
begin
  if p_reason not in ('signal', 'children') or (p_reason = 'signal') <> (p_name is not null) then
    raise exception using errcode = '22023', message = 'wait_job: p_reason must be signal, with a name, or children';
  end if;
  select l.* into v_lease from :"schema".lease as l join :"schema".lane as n on n.id = l.lane_id
  where l.job_id = p_job_id and l.token = p_token and n.phase = p_phase for update of l;
  if not found then
    select a.* into strict outcome, state, delay_ms from :"schema".answer_stale(p_job_id, p_token) as a;
    return;
  end if;
  perform from :"schema".job where id = p_job_id for no key update;
  perform from :"schema".parent where job_id = p_job_id for update;
  outcome := 'ok';
  delay_ms := 0;
  begin
    state := :"schema".park_lease(v_lease, p_reason, p_name, p_timeout_ms, p_fails_fast);
    return;
  exception when others or assert_failure then
    v_sqlstate := sqlstate;
  end;
  outcome := 'effect_failed';
  select e.state, e.delay_ms into strict state, delay_ms from :"schema".charge_effect(v_lease, v_sqlstate) as e;
end
$$;
