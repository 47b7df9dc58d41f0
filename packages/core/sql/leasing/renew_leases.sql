-- Lengthens leases, all of a worker in one statement. A lease that ran out and was not taken comes back to life: that
-- is safe, since the token decides, and it saves work.
--   p_job_ids, p_tokens: pairs by position.
--   Locks: the leases' rows. Index: lease (job_id); no indexed column changes.
--   Answers: the ids that are still held. A missing id is lost.
create or replace function :"schema".renew_leases(p_job_ids bigint[], p_tokens uuid[]) returns setof bigint
language plpgsql volatile security definer set search_path = ''
as $$
declare
  v_now timestamptz := :"schema".clock();
begin
  return query
    update :"schema".lease as l
    set until = v_now + l.lease_ms * interval '1 millisecond'
    from unnest(p_job_ids, p_tokens) as held (job_id, token)
    where l.job_id = held.job_id and l.token = held.token
    returning l.job_id;
end
$$;
