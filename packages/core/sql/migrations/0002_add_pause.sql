-- What is not to be claimed for now. A rule, and no mark on lanes: it holds for lanes that are made later, and there is no
-- moment at which a lane could have missed it.
create table :"schema".pause (
  scope text not null check (scope in ('queue', 'type')),
  name text not null check (length(name) between 1 and 64),
  -- Only of a type. Null: all of them.
  version smallint check (version >= 1),
  phase text check (phase ~ '^[a-z][a-z0-9_]{0,63}$'),
  reason text,
  paused_by text not null,
  paused_at timestamptz not null,
  check (scope = 'type' or (version is null and phase is null)),
  unique nulls not distinct (scope, name, version, phase)
);
