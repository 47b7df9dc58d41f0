-- A tenant and a resource may be paused, too. The jobs of a tenant wait at a gate while he is: for these there is a limit of
-- the scope `pause`, beside those that operators set.
alter table :"schema".pause
  drop constraint pause_scope_check, add check (scope in ('queue', 'type', 'tenant', 'resource')),
  drop constraint pause_name_check, add check (length(name) between 1 and 256);
alter table :"schema".job_limit
  drop constraint job_limit_scope_check, add check (scope in ('queue', 'type', 'tenant', 'pause'));
