-- Ends a wait whose time is over. A signal that did not come is written down as late, so that the phase is told the same
-- however often it asks. Private; see wake_due.
--   Answers: whether it did; not when the wait ended otherwise, or somebody is about to end it.
create or replace function :"schema".wake_late(p_job_id bigint, p_now timestamptz) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_waiting :"schema".waiting;
begin
  perform from :"schema".job where id = p_job_id for no key update skip locked;
  if not found then
    return false;
  end if;
  select * into v_waiting from :"schema".waiting where job_id = p_job_id and wake_at <= p_now for update skip locked;
  if not found then
    return false;
  end if;
  delete from :"schema".waiting where job_id = p_job_id;
  if v_waiting.reason = 'signal' then
    insert into :"schema".signal (job_id, name, at) values (p_job_id, v_waiting.name, p_now);
  end if;
  perform :"schema".wake_job(v_waiting);
  return true;
end
$$;
