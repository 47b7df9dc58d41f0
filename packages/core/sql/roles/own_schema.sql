-- Moves the schema and all in it to the owner, and gives the others what they need to call functions: no table.
alter schema :"schema" owner to :"owner";
do $$
declare
  v_schema oid := (select relnamespace from pg_class where oid = $t$:"schema".job$t$::regclass);
  v_object record;
begin
  for v_object in
    select format('alter %s %s owner to %s', case c.relkind when 'v' then 'view' else 'table' end, c.oid::regclass,
      $o$:"owner"$o$::regrole) as statement
    from pg_class as c where c.relnamespace = v_schema and c.relkind in ('r', 'v')
    union all
    select format('alter function %s owner to %s', p.oid::regprocedure, $o$:"owner"$o$::regrole)
    from pg_proc as p where p.pronamespace = v_schema
  loop
    execute v_object.statement;
  end loop;
end $$;
grant usage on schema :"schema" to :"limited", :"worker";
grant execute on function
  :"schema".schema_version, :"schema".current_login, :"schema".get_job, :"schema".get_job_v2, :"schema".get_queue,
  :"schema".get_queue_v2
to :"limited";
grant execute on function
  :"schema".declare_lanes, :"schema".claim_jobs, :"schema".claim_jobs_v2, :"schema".abandon_claim, :"schema".start_job,
  :"schema".renew_leases, :"schema".renew_leases_v2, :"schema".hold_lease, :"schema".save_part, :"schema".load_results,
  :"schema".checkpoint_job, :"schema".complete_job, :"schema".complete_jobs, :"schema".complete_and_claim,
  :"schema".retry_job, :"schema".release_job, :"schema".fail_job, :"schema".lapse_leases, :"schema".enqueue_jobs,
  :"schema".cancel_job, :"schema".requeue_job, :"schema".hold_phase, :"schema".fail_effect, :"schema".wait_job,
  :"schema".find_signal, :"schema".list_children, :"schema".signal_job, :"schema".wake_due
to :"worker";
grant execute on function :"schema".get_limits to :"limited";
grant execute on function
  :"schema".get_pauses, :"schema".get_workers, :"schema".doctor_schema, :"schema".doctor_server
to :"limited";
grant execute on function :"schema".pause, :"schema".resume, :"schema".note_worker, :"schema".prune_jobs to :"worker";
grant execute on function :"schema".get_resources to :"limited";
grant execute on function
  :"schema".declare_resource, :"schema".claim_for_resource, :"schema".peek_lanes, :"schema".set_resource,
  :"schema".open_breaker, :"schema".close_breaker
to :"worker";
grant execute on function :"schema".get_dead_letters to :"limited";
grant execute on function
  :"schema".expire_jobs, :"schema".requeue_jobs, :"schema".requeue_outage_victims, :"schema".replay_job,
  :"schema".resolve_job
to :"worker";
grant execute on function :"schema".get_progress to :"limited";
grant execute on function :"schema".explain_job to :"limited";
grant execute on function :"schema".list_jobs, :"schema".get_timeline, :"schema".get_throughput to :"limited";
grant execute on function :"schema".begin_action, :"schema".note_action, :"schema".get_actions to :"worker";
