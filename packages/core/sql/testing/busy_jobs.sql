-- The jobs that a worker has to do something about now. A job that waits for its time is none of them.
--   Answers: type, state (due, leased) and how many.
create or replace function :"schema".busy_jobs() returns table (type text, state text, ct integer)
language sql stable set search_path = pg_catalog, pg_temp
as $$
  select q.type, q.state, sum(q.ct)::integer from :"schema".queue_health as q
  where q.state in ('due', 'leased') group by q.type, q.state order by q.type, q.state
$$;
