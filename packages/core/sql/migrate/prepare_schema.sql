-- The schema and the list of what was applied to it. Nobody else may look inside.
create schema if not exists :"schema";
create table if not exists :"schema".schema_migration (
  bundle text not null,
  version integer not null,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null default clock_timestamp(),
  primary key (bundle, version)
);
