-- Who works. Nothing depends on it: leases say who holds what. Updates stay on their page, since nothing that changes is
-- in an index.
create table :"schema".worker (
  -- One per process and worker: a name may come again.
  id uuid primary key,
  name text not null check (length(name) between 1 and 128),
  version text not null,
  -- What it runs, as `type/version`.
  types text[] not null,
  slots integer not null,
  in_flight integer not null,
  -- Adapters that did not obey their abort signal, since the start.
  abandoned integer not null,
  -- How often it says that it is there.
  interval_ms integer not null,
  started_at timestamptz not null,
  seen_at timestamptz not null,
  stopped_at timestamptz
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
