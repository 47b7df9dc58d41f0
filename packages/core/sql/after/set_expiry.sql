-- Writes down by when a job must start (ttlMs) and end (deadlineMs), counted from when it is due. Private.
--   Index: expiry (job_id).
create or replace function :"schema".set_expiry(p_job_id bigint, p_from timestamptz, p_job jsonb) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  insert into :"schema".expiry (job_id, start_by, end_by, look_at)
  select p_job_id, b.start_by, b.end_by, least(b.start_by, b.end_by)
  from (
    select p_from + (p_job ->> 'ttlMs')::bigint * interval '1 millisecond' as start_by,
      p_from + (p_job ->> 'deadlineMs')::bigint * interval '1 millisecond' as end_by
  ) as b where coalesce(b.start_by, b.end_by) is not null
$$;
