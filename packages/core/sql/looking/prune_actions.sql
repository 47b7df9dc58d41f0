-- Deletes what operators did before a moment, the oldest first. Private; see prune_jobs.
--   Index: action (at).
create or replace function :"schema".prune_actions(p_before timestamptz, p_limit integer) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  delete from :"schema".action where number = any (array(
    select a.number from :"schema".action as a where a.at < p_before order by a.at limit p_limit for update skip locked
  ))
$$;
