-- How many more jobs may start under the limit of a queue or a type. Private; the caller holds its lock.
--   Index: job_limit (scope, key), slot (scope, key, job_id), lease (job_id), start_count (scope, key, piece).
--   Answers: a number, or null when nothing bounds it.
create or replace function :"schema".limit_left(p_scope text, p_key text, p_now timestamptz) returns integer
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select greatest(0, least(
    m.concurrency_max - (
      select count(*)::integer from :"schema".slot as s join :"schema".lease as l
        on l.job_id = s.job_id and l.token = s.token
      where s.scope = p_scope and s.key = p_key
    ),
    m.rate_max - (
      select coalesce(sum(c.starts), 0)::integer from :"schema".start_count as c
      where c.scope = p_scope and c.key = p_key and c.last_at > p_now - m.window_ms * interval '1 millisecond'
    )
  ))
  from :"schema".job_limit as m
  where m.scope = p_scope and m.key = p_key and (m.concurrency_max is not null or m.rate_max is not null)
$$;
