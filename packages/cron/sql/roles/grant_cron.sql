-- What keeps and consumes schedules is the worker's; anybody with a login of the application may look at them.
grant execute on function :"schema".list_schedules, :"schema".cron_health to :"limited";
grant execute on function
  :"schema".upsert_schedules, :"schema".remove_schedule, :"schema".pause_schedule, :"schema".resume_schedule,
  :"schema".list_unplanned, :"schema".plan_slots, :"schema".prune_slots, :"schema".next_slot_ms,
  :"schema".enqueue_cron_tasks
to :"worker";
