-- Writes the rows of many new jobs that have no keys, in a few statements. Private; see enqueue_jobs.
--   Answers: the jobs' ids, by their place in the array.
create or replace function :"schema".add_jobs(p_jobs jsonb, p_shared jsonb)
returns table (ordinal integer, id uuid)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := :"schema".clock();
  v_shared record;
begin
  select s.* into v_shared from jsonb_to_record(p_shared) as s (
    queue text, type text, version smallint, phase text, priority text, "delayMs" bigint, "runAt" timestamptz,
    "ttlMs" bigint, "deadlineMs" bigint, tenant text, subject text, skipped jsonb, payload jsonb, trace text
  );
  return query
    with item as materialized (
      select i.ordinality::integer as place, nextval($t$:"schema".job_id_seq$t$::regclass) as job_id,
        :"schema".new_id(v_now) as public_id, coalesce(i.queue, v_shared.queue, 'default') as queue,
        coalesce(i.type, v_shared.type) as type, coalesce(i.version, v_shared.version) as version,
        coalesce(i.phase, v_shared.phase) as phase,
        coalesce(:"schema".to_priority(coalesce(i.priority, v_shared.priority)), 5::smallint) as priority,
        greatest(v_now, coalesce(
          i."runAt", v_shared."runAt",
          v_now + coalesce(i."delayMs", v_shared."delayMs") * interval '1 millisecond'
        )) as due_at,
        coalesce(i."ttlMs", v_shared."ttlMs") as ttl_ms, coalesce(i."deadlineMs", v_shared."deadlineMs") as deadline_ms,
        coalesce(i.tenant, v_shared.tenant) as tenant, coalesce(i.subject, v_shared.subject) as subject,
        coalesce(i.skipped, v_shared.skipped) as skipped, coalesce(i.trace, v_shared.trace) as trace,
        -- In a record, a payload of null would be no payload.
        coalesce(i.payload, p_jobs -> (i.ordinality::integer - 1) -> 'payload', v_shared.payload) as payload
      from rows from (jsonb_to_recordset(p_jobs) as (
        queue text, type text, version smallint, phase text, priority text, "delayMs" bigint, "runAt" timestamptz,
        "ttlMs" bigint, "deadlineMs" bigint, tenant text, subject text, skipped jsonb, payload jsonb, trace text
      )) with ordinality as i
    ), lane as materialized (
      select l.*, :"schema".find_lane(l.queue, l.type, l.version, l.phase, false) as id
      from (select distinct i.queue, i.type, i.version, i.phase from item as i) as l
    ), waiting as (
      select i.job_id, l.id as lane_id, i.priority, i.due_at from item as i
      join lane as l on l.queue = i.queue and l.type = i.type and l.version = i.version and l.phase = i.phase
    ), added as (
      insert into :"schema".job (
        id, public_id, queue, type, version, priority, tenant, subject, payload, created_at, trace
      ) overriding system value
      select i.job_id, i.public_id, i.queue, i.type, i.version, i.priority, i.tenant, i.subject, i.payload, v_now,
        i.trace
      from item as i
    ), done as (
      insert into :"schema".result (job_id, phase, part, attempt, output, provenance, saved_at)
      select i.job_id, s.key, 0, 0, s.value -> 'output', s.value -> 'provenance', v_now
      from item as i cross join lateral jsonb_each(i.skipped) as s where i.skipped is not null
    ), bounded as (
      -- As in set_expiry.
      insert into :"schema".expiry (job_id, start_by, end_by, look_at)
      select b.job_id, b.start_by, b.end_by, least(b.start_by, b.end_by)
      from (
        select i.job_id, i.due_at + i.ttl_ms * interval '1 millisecond' as start_by,
          i.due_at + i.deadline_ms * interval '1 millisecond' as end_by
        from item as i where coalesce(i.ttl_ms, i.deadline_ms) is not null
      ) as b
    ), hint as (
      -- As in add_job. Of what this statement adds, it sees nothing itself.
      select :"schema".hint_workers() from (
        select distinct w.lane_id, w.priority from waiting as w where w.due_at <= v_now
      ) as w where not exists (
        select from :"schema".ready as r
        where r.lane_id = w.lane_id and r.priority = w.priority and r.due_at <= v_now
      ) limit 1
    ), queued as (
      insert into :"schema".ready (job_id, lane_id, priority, due_at, attempt)
      select w.job_id, w.lane_id, w.priority, w.due_at, 0 from waiting as w
    )
    select i.place, i.public_id from item as i left join hint on true;
end
$$;
