-- What a job was told under a name, for the holder of its lease only. This is content.
--   Index: lease (job_id), signal (job_id, name).
--   Answers: one row with the payload, or with null when it was waited for in vain; none when neither has happened, or
--   the lease is lost.
create or replace function :"schema".find_signal(p_job_id bigint, p_token uuid, p_name text)
returns table (is_late boolean, payload jsonb)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select s.payload is null, s.payload from :"schema".lease as l
  join :"schema".signal as s on s.job_id = l.job_id and s.name = p_name
  where l.job_id = p_job_id and l.token = p_token
$$;
