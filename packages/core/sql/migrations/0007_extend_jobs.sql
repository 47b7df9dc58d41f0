-- What only some jobs and some types need stands beside the hot tables, so that it costs the others nothing.

-- Jobs that must start or end by a time. A job without such a bound has no row here. A row outlives its job's end, and
-- goes when its time has come: the end of a job would otherwise have to look for it.
create table :"schema".expiry (
  job_id bigint primary key,
  start_by timestamptz,
  end_by timestamptz,
  -- When expire_jobs looks at it next.
  look_at timestamptz not null,
  check (start_by is not null or end_by is not null)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
create index expiry_look on :"schema".expiry (look_at);

-- How one phase of a type is retried. What is null, and a phase without a row, is as job_type says.
create table :"schema".retry_policy (
  type text not null references :"schema".job_type (name),
  phase text not null check (phase ~ '^[a-z][a-z0-9_]{0,63}$'),
  kind text not null check (kind in ('fixed', 'exponential')),
  retries_max smallint check (retries_max >= 0),
  base_ms integer check (base_ms > 0),
  cap_ms integer check (cap_ms > 0),
  primary key (type, phase)
);
