-- Makes everybody who enqueues with one of these keys follow this call. Two calls never wait for each other: a call
-- takes its locks in one order. Jobs come before keys, since the end of a job whose hook enqueues has that order too;
-- and before the jobs, those who would replace or supersede line up, since each of them leaves another job to the next.
-- Of several calls in one transaction, the order is the caller's. Private; see enqueue_jobs.
--   p_jobs: whole jobs, with what they share.
--   Locks: transaction locks on the keys' conflicts, by number; the ready rows of jobs that hold the unique keys, and
--   the leases and waiting rows of those that may be superseded, by id; transaction locks on the keys, by number.
--   Indexes: unique_key (queue, key), lease (job_id), ready (job_id).
create or replace function :"schema".lock_conflicts(p_jobs jsonb[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_waiting bigint[];
  v_any bigint[];
  v_lock bigint;
begin
  for v_lock in
    select distinct hashtextextended(coalesce(j.item ->> 'queue', 'default') || ' conflict ' || (j.item ->> 'uniqueKey'), 7)
    from unnest(p_jobs) as j (item)
    where j.item ->> 'onConflict' in ('replace', 'supersede') and j.item ->> 'uniqueKey' is not null order by 1
  loop
    perform pg_advisory_xact_lock(v_lock);
  end loop;
  select array_agg(u.job_id), array_agg(u.job_id) filter (where j.item ->> 'onConflict' = 'supersede')
  into v_waiting, v_any
  from unnest(p_jobs) as j (item)
  join :"schema".unique_key as u
    on u.queue = coalesce(j.item ->> 'queue', 'default') and u.key = j.item ->> 'uniqueKey'
  where j.item ->> 'onConflict' in ('replace', 'supersede');
  if v_waiting is not null then
    perform from :"schema".lease as l where l.job_id = any (v_any) order by l.job_id for update;
    perform from :"schema".ready as r where r.job_id = any (v_waiting) order by r.job_id for update;
    perform from :"schema".waiting as w where w.job_id = any (v_any) order by w.job_id for update;
  end if;
  for v_lock in
    select distinct k.number from unnest(p_jobs) as j (item)
    cross join lateral :"schema".key_locks(
      (j.item ->> 'id')::uuid, coalesce(j.item ->> 'queue', 'default'), j.item ->> 'idempotencyKey',
      j.item ->> 'uniqueKey'
    ) as k (number) order by 1
  loop
    perform pg_advisory_xact_lock(v_lock);
  end loop;
end
$$;
