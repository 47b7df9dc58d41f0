-- The three roles, for an administrator to make once. Roles belong to the whole cluster: another database that does the
-- same at this moment is no error.
--   owner: owns everything, logs in never. limited: the application. worker: may also lease jobs; give it a password
--   out of band.
do $$ begin
  create role :"owner" nologin;
exception when duplicate_object or unique_violation then null;
end $$;
do $$ begin
  create role :"limited" nologin;
exception when duplicate_object or unique_violation then null;
end $$;
do $$ begin
  create role :"worker" login inherit;
exception when duplicate_object or unique_violation then null;
end $$;
grant :"limited" to :"worker";
-- A worker's statements are short; one that hangs must not hold a lease's lock.
alter role :"worker" set statement_timeout = '10s';
alter role :"worker" set lock_timeout = '5s';
alter role :"worker" set idle_in_transaction_session_timeout = '15s';
