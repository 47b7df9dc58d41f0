-- Lengthens leases, all of a worker in one statement, stores how far their jobs are, and says why a lease is gone. A
-- lease that ran out and was not taken comes back to life: that is safe, since the token decides, and it saves work.
--   p_job_ids, p_tokens: pairs by position.
--   p_progress: what is new since the last renewal, by job id, as {"12": {"phase", "stage", "partsDone", "partsTotal",
--   "tokens", "fraction"}}; null when nothing is. It is kept only while the lease is held and in that phase.
--   Locks: the leases' rows, skipping those that somebody is about to end. To wait for one of them, for a slow hook or
--   a host's long transaction, would cost its neighbours their leases.
--   Index: lease (job_id); no indexed column changes. Only for a lease that is gone: attempt (job_id, phase, attempt).
--   Answers: one row per lease: ok | busy (skipped: ask again) | cancelled (on somebody's order, with the code:
--   cancelled, superseded, expired) | lost (lapsed, or never given).
create or replace function :"schema".renew_leases_v2(
  p_job_ids bigint[], p_tokens uuid[], p_progress jsonb default null
) returns table (job_id bigint, outcome text, code text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
begin
  return query
    with asked as materialized (
      select h.job_id, h.token from unnest(p_job_ids, p_tokens) as h (job_id, token)
    ), held as materialized (
      select l.job_id from asked as h
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
    select a.job_id,
      case when r.job_id is not null then 'ok' when h.job_id is not null then 'busy'
        when gone.code is not null then 'cancelled' else 'lost' end,
      gone.code
    from asked as a
    left join held as h on h.job_id = a.job_id
    left join renewed as r on r.job_id = a.job_id
    cross join lateral (
      select case when h.job_id is null then :"schema".cancel_code(a.job_id, a.token) end as code
    ) as gone;
  if p_progress is not null then
    perform :"schema".note_progress(p_job_ids, p_tokens, p_progress);
  end if;
end
$$;
