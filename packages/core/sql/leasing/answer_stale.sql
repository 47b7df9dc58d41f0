-- What to tell a caller who holds no such lease: `already` when this very token ended the attempt in the caller's own
-- name (the first answer was lost on its way), else `lost`.
--   Index: attempt (job_id, phase, attempt).
create or replace function :"schema".answer_stale(
  p_job_id bigint, p_token uuid, out outcome text, out state text, out delay_ms integer
)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_is_own boolean;
begin
  outcome := 'lost';
  -- A lease ends once, and a lapse or a cancel ends it for its holder: what the token did before does not count then.
  select bool_and(a.outcome not in ('lapsed', 'cancelled')) into v_is_own from :"schema".attempt as a
  where a.job_id = p_job_id and a.token = p_token;
  if v_is_own then
    outcome := 'already';
    select coalesce(
      (select s.state from :"schema".stopped as s where s.job_id = p_job_id),
      (select 'leased' from :"schema".lease as l where l.job_id = p_job_id),
      (select 'queued' from :"schema".ready as r where r.job_id = p_job_id),
      (select 'waiting' from :"schema".waiting as w where w.job_id = p_job_id),
      'completed'
    ) into state;
    delay_ms := 0;
  end if;
end
$$;
