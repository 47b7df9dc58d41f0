-- Stores how far jobs are whose lease is held, in the phase that was told. Private; in the transaction of a renewal.
--   What has not the form it should have is left out: it must not cost anybody his lease.
--   Locks: the leases' rows that something was told of, skipping those that somebody is about to end, so that nobody's
--   word comes after the next holder's; their progress rows. Index: lease (job_id), lease_progress (job_id).
create or replace function :"schema".note_progress(p_job_ids bigint[], p_tokens uuid[], p_progress jsonb)
returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp
as $$
  with told as materialized (
    select l.job_id, l.token, l.lane_id, p_progress -> l.job_id::text as word
    from unnest(p_job_ids, p_tokens) as h (job_id, token)
    join :"schema".lease as l on l.job_id = h.job_id and l.token = h.token
    where p_progress ? h.job_id::text
    order by l.job_id for no key update of l skip locked
  )
  insert into :"schema".lease_progress
    (job_id, token, phase, stage, parts_done, parts_total, tokens, fraction, at)
  select t.job_id, t.token, n.phase,
    case when t.word ->> 'stage' ~ '^[a-z0-9_]{1,64}$' then t.word ->> 'stage' end,
    :"schema".read_count(t.word -> 'partsDone', 2147483647),
    :"schema".read_count(t.word -> 'partsTotal', 2147483647),
    :"schema".read_count(t.word -> 'tokens', 9007199254740991),
    case when jsonb_typeof(t.word -> 'fraction') = 'number'
      then round(least(greatest((t.word ->> 'fraction')::numeric, 0), 1), 4) end,
    :"schema".clock()
  from told as t
  join :"schema".lane as n on n.id = t.lane_id and n.phase = t.word ->> 'phase'
  on conflict (job_id) do update set
    token = excluded.token, phase = excluded.phase, stage = excluded.stage, parts_done = excluded.parts_done,
    parts_total = excluded.parts_total, tokens = excluded.tokens, fraction = excluded.fraction, at = excluded.at
$$;
