-- What the job that was sent to look whether its resource is back has shown. Private.
--   Index: attempt (job_id, phase, attempt), result (job_id, phase, part), lease (job_id).
--   Answers: answered (it completed a phase, or failed by its own fault) | running | gone (lost, cancelled, given back:
--   it tells nothing).
create or replace function :"schema".judge_probe(p_job_id bigint, p_token uuid) returns text
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select case
    when exists (
      select from :"schema".attempt as a
      left join :"schema".result as r on r.job_id = a.job_id and r.phase = a.phase and r.part = 0
      where a.job_id = p_job_id and a.token = p_token and case
        -- A phase that was done before, and whose effect failed then, asks nobody.
        when r.attempt < a.attempt then false
        -- A hook may raise whatever became of the phase, and only its result tells.
        when a.outcome = 'effect_failed' then r.attempt is not null
        else a.outcome in ('completed', 'retried', 'failed')
      end
    ) then 'answered'
    when exists (select from :"schema".lease as l where l.job_id = p_job_id and l.token = p_token) then 'running'
    else 'gone'
  end
$$;
