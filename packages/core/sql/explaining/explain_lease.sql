-- That a worker has a job, or had it. Private; see explain_job.
--   Index: lease (job_id), lease_progress (job_id).
--   Answers: one row, of cause leased, held_alone (it runs when its worker has nothing else in flight) or lease_expired
--   (until: when it may be taken back); none when the job is not leased.
create or replace function :"schema".explain_lease(p_job_id bigint, p_now timestamptz)
returns table (cause text, sentence text, blocker text, until timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select c.cause,
    case c.cause
      when 'lease_expired' then format(
        'The lease of worker %s on phase %s ran out at %s: %s takes it back.', l.worker, n.phase,
        :"schema".say_time(l.until),
        case when c.has_workers then 'the next round of a worker' else 'the first worker that starts' end
      )
      when 'held_alone' then format(
        'Worker %s holds it since %s to run it alone, and finishes first what else it has in flight.', l.worker,
        :"schema".say_time(l.leased_at)
      )
      else format(
        'Worker %s runs its phase %s since %s, attempt %s, under a lease until %s', l.worker, n.phase,
        :"schema".say_time(l.started_at), l.attempt, :"schema".say_time(l.until)
      ) || coalesce('; it was at ' || c.words || ' at ' || :"schema".say_time(p.at), '') || '.'
    end,
    l.worker,
    case c.cause when 'lease_expired'
      then greatest(l.until, pg_postmaster_start_time() + l.lease_ms * interval '1 millisecond') else l.until end
  from :"schema".lease as l
  join :"schema".lane as n on n.id = l.lane_id
  left join :"schema".lease_progress as p on p.job_id = l.job_id and p.token = l.token and p.phase = n.phase
  cross join lateral (
    select case when l.until < p_now then 'lease_expired' when l.started_at is null then 'held_alone' else 'leased' end
        as cause,
      nullif(concat_ws(
        ', ', p.stage, 'part ' || p.parts_done || coalesce(' of ' || p.parts_total, ''),
        round((p.fraction * 100)::numeric) || ' %', p.tokens || ' tokens'
      ), '') as words,
      exists (select from :"schema".workers as w where w.state = 'live') as has_workers
  ) as c
  where l.job_id = p_job_id
$$;
