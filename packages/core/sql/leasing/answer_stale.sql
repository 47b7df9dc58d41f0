-- What to tell a caller who holds no such lease: `already` when this very token ended the attempt in the caller's own
-- name (the first answer was lost on its way), else `lost`.
--   Index: attempt (job_id, phase, attempt).
create or replace function :"schema".answer_stale(
  p_job_id bigint, p_token uuid, out outcome text, out state text, out delay_ms integer
)
language plpgsql stable security definer set search_path = ''
as $$
declare
  v_outcome text;
begin
  outcome := 'lost';
  select a.outcome into v_outcome from :"schema".attempt as a
  where a.job_id = p_job_id and a.token = p_token order by a.finished_at desc limit 1;
  if v_outcome in ('completed', 'retried', 'released', 'failed', 'effect_failed') then
    outcome := 'already';
    select coalesce(
      (select s.state from :"schema".settled as s where s.job_id = p_job_id),
      (select 'leased' from :"schema".lease as l where l.job_id = p_job_id),
      'queued'
    ) into state;
    delay_ms := 0;
  end if;
end
$$;
