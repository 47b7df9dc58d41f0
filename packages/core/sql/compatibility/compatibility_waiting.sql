union all
  select w.job_id, :{queued}, coalesce(w.wake_at, 'infinity'), null, null, null, null, null, w.since
  from :"schema".waiting as w
