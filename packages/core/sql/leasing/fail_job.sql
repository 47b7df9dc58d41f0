-- Ends a job badly: its own error, which no retry can mend.
--   p_code: [a-z0-9_]{1,64}. p_message: the product's own words, cut to 1,024 characters.
--   Locks: the lease's row. Index: lease (job_id).
--   Answers: outcome ok | already | lost | effect_failed, with the job's state and delay.
create or replace function :"schema".fail_job(
  p_job_id bigint, p_token uuid, p_code text, p_message text,
  out outcome text, out state text, out delay_ms integer
)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_lease :"schema".lease;
begin
  select * into v_lease from :"schema".lease where job_id = p_job_id and token = p_token for update;
  if found then
    select s.* into strict outcome, state, delay_ms
    from :"schema".settle_lease(v_lease, 'fail', p_code, p_message, 0, null, null) as s;
  else
    select a.* into strict outcome, state, delay_ms from :"schema".answer_stale(p_job_id, p_token) as a;
  end if;
end
$$;
