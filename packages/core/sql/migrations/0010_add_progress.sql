-- How far running jobs are, as their workers told with the last renewal. A job that tells nothing has no row.
--
-- A row counts for as long as its lease does: readers compare the token and the phase, and what is left behind is swept
-- away now and then. So the end of a lease, which is the hot path, need not look here.
create table :"schema".lease_progress (
  job_id bigint primary key,
  token uuid not null,
  phase text not null,
  stage text check (stage ~ '^[a-z0-9_]{1,64}$'),
  parts_done integer check (parts_done >= 0),
  parts_total integer check (parts_total >= 0),
  tokens bigint check (tokens >= 0),
  fraction real check (fraction between 0 and 1),
  at timestamptz not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
