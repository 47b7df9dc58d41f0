-- That a job has ended, and how. Private; see explain_job.
--   Index: stopped (job_id), attempt (job_id, phase, attempt).
--   Answers: one row; none when it has not ended.
create or replace function :"schema".explain_end(p_job_id bigint)
returns table (cause text, sentence text, blocker text, until timestamptz)
language sql stable security definer set search_path = pg_catalog, pg_temp
as $$
  select s.state,
    case when s.code = 'resolved' then
      format('Somebody settled it by hand at %s, in phase %s', :"schema".say_time(s.finished_at), s.phase)
    else
      format('It is %s since %s, in phase %s', s.state, :"schema".say_time(s.finished_at), s.phase)
        || coalesce(', with the code ' || s.code, '')
    end || ': requeue_job gives it a new start.',
    s.code, null::timestamptz
  from :"schema".stopped as s where s.job_id = p_job_id
  union all
  select 'completed',
    format('It is completed since %s: replay_job runs it again.', :"schema".say_time(coalesce(
      (select max(a.finished_at) from :"schema".attempt as a where a.job_id = j.id), j.created_at
    ))),
    null, null
  from :"schema".job as j
  where j.id = p_job_id
    and not exists (select from :"schema".stopped as s where s.job_id = j.id)
    and not exists (select from :"schema".lease as l where l.job_id = j.id)
    and not exists (select from :"schema".ready as r where r.job_id = j.id)
    and not exists (select from :"schema".waiting as w where w.job_id = j.id)
$$;
