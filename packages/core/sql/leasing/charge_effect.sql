-- What happens to a job whose hook raised: its transition is undone by the caller, and the failure is the job's own.
--   Answers: state and delay_ms, as move_lease does.
create or replace function :"schema".charge_effect(
  p_lease :"schema".lease, p_sqlstate text, out state text, out delay_ms integer
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_message text := format('The hook of this job''s type raised SQLSTATE %s.', p_sqlstate);
begin
  -- What is the server's trouble, not the job's, goes to the caller, who tries again.
  if :"schema".is_server_trouble(p_sqlstate) then
    raise exception using errcode = p_sqlstate, message = v_message;
  end if;
  select e.state, e.delay_ms into strict state, delay_ms from :"schema".end_by_effect(p_lease, v_message) as e;
end
$$;
