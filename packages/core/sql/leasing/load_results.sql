-- What a job has so far: results of phases (part 0) and saved parts (from 1), for the holder of its lease only.
--   Index: lease (job_id), result (job_id, phase, part).
--   Answers: rows by phase and part; none when there are none or the lease is lost.
create or replace function :"schema".load_results(p_job_id bigint, p_token uuid)
returns table (phase text, part smallint, output jsonb)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select r.phase, r.part, r.output from :"schema".lease as l
  join :"schema".result as r on r.job_id = l.job_id
  where l.job_id = p_job_id and l.token = p_token order by r.phase, r.part
$$;
