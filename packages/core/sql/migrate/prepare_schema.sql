-- The list of what was applied to a schema. Nobody else may look inside.
create table if not exists :"schema".schema_migration (
  bundle text not null,
  version integer not null,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null default clock_timestamp(),
  primary key (bundle, version)
);
