-- Ends a lease whose job could not be written down with its host's effect, at the job's charge. A hook that raises for this
-- transition too is left out, because the job must not stay leased for ever. Private; the caller holds the lease's row
-- lock.
--   Answers: state and delay_ms, as move_lease does.
create or replace function :"schema".end_by_effect(
  p_lease :"schema".lease, p_message text, out state text, out delay_ms integer
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
  select m.state, m.delay_ms into strict state, delay_ms
  from :"schema".move_lease(p_lease, 'effect', 'effect_failed', p_message, 0, null, true) as m;
exception when others or assert_failure then
  if :"schema".is_server_trouble(sqlstate) then
    raise;
  end if;
  select m.state, m.delay_ms into strict state, delay_ms
  from :"schema".move_lease(p_lease, 'effect', 'effect_failed', p_message, 0, null, false) as m;
end
$$;
