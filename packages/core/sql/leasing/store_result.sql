-- Stores what a phase (part 0) or a part returned; null is nothing to store. The first one stays: a part that was
-- saved is never done again.
create or replace function :"schema".store_result(
  p_lease :"schema".lease, p_part smallint, p_output jsonb, p_provenance jsonb
) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  insert into :"schema".result (job_id, phase, part, attempt, output, provenance, saved_at)
  select p_lease.job_id, l.phase, p_part, p_lease.attempt, p_output, coalesce(p_provenance, '{}'), :"schema".clock()
  from :"schema".lane as l where l.id = p_lease.lane_id and p_output is not null
  on conflict do nothing
$$;
