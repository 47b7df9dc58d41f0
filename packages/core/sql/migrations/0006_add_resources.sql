-- What jobs compete for, such as a model on a host, is one row for all workers: how many at once, and whether it is away.
-- Only a claim and an outage lock the row; how a probe fared is told by its lease and its attempt.

create table :"schema".resource (
  name text primary key check (length(name) between 1 and 256),
  -- Jobs at once, over all workers; null: no bound.
  concurrency_max integer check (concurrency_max > 0),
  -- An operator has set it: what adapters declare counts no more.
  is_set boolean not null default false,
  state text not null default 'closed' check (state in ('closed', 'open', 'half_open')),
  -- Of an open breaker: when one job may look whether it is back. Infinity: when an operator closes it.
  open_until timestamptz,
  -- Since it last was back for a while.
  outages integer not null default 0,
  -- What it is open for.
  code text,
  -- Of a half-open breaker: the one lease that looks whether it is back.
  probe_job_id bigint,
  probe_token uuid,
  probed_at timestamptz,
  -- Since when it is taken up again, slowly; null: it never was away.
  slow_since timestamptz,
  changed_at timestamptz,
  check ((state = 'open') = (open_until is not null)),
  check ((state = 'half_open') = (probe_token is not null))
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

-- Null: the job needs nothing that is counted.
alter table :"schema".lease add column resource text;
create index lease_resource on :"schema".lease (resource) where resource is not null;
