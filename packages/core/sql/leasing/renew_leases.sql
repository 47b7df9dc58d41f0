-- Lengthens leases, all of a worker in one statement. A lease that ran out and was not taken comes back to life: that
-- is safe, since the token decides, and it saves work.
--   p_job_ids, p_tokens: pairs by position.
--   Locks: the leases' rows, skipping those that somebody is about to end. To wait for one of them, for a slow hook or
--   a host's long transaction, would cost its neighbours their leases.
--   Index: lease (job_id); no indexed column changes.
--   Answers: one row per lease that is still held: ok | busy (skipped: ask again). A missing id is lost.
create or replace function :"schema".renew_leases(p_job_ids bigint[], p_tokens uuid[])
returns table (job_id bigint, outcome text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
begin
  return query
    with held as materialized (
      select l.job_id from unnest(p_job_ids, p_tokens) as h (job_id, token)
      join :"schema".lease as l on l.job_id = h.job_id and l.token = h.token
    ), free as materialized (
      select l.job_id from :"schema".lease as l
      where l.job_id = any (array(select h.job_id from held as h))
      order by l.job_id for no key update skip locked
    ), renewed as (
      update :"schema".lease as l set until = v_now + l.lease_ms * interval '1 millisecond'
      from free as f where l.job_id = f.job_id
      returning l.job_id
    )
    select h.job_id, case when r.job_id is null then 'busy' else 'ok' end
    from held as h left join renewed as r on r.job_id = h.job_id;
end
$$;
