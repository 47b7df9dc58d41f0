-- Ties submissions to their jobs, and takes from everybody what Postgres, or the platform, gave them in `public`. What
-- is in the schema is taken from them by migrate itself.
select :"schema".register_type(
  'learning.submission', $f$:"schema".learning_hook(uuid, text, text, text, text, text, jsonb)$f$::regprocedure
);
do $$
declare
  v_role text;
begin
  -- Hosted platforms grant new functions and views to the latter two by default.
  for v_role in
    select 'public' union all select format('%I', rolname) from pg_roles where rolname in ('anon', 'authenticated')
  loop
    execute format('revoke all on function
      public.learning_worker_update_completed(uuid, text, text, jsonb),
      public.learning_worker_update_failed(uuid, text, text),
      public.learning_worker_mark_retry(uuid, text, text, timestamptz),
      public.learning_worker_health_probe()
    from %s', v_role);
    execute format('revoke all on table public.learning_submission_jobs from %s', v_role);
  end loop;
end
$$;
