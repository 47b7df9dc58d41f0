-- One table and one index: the least that a claim by priority and time needs.
create schema bare;
create table bare.job (
  id bigint generated always as identity primary key,
  queue text not null default 'default',
  priority smallint not null default 5,
  run_at timestamptz not null default now(),
  state smallint not null default 0,
  attempt smallint not null default 0,
  worker text,
  lease_until timestamptz,
  payload jsonb not null
);
create index job_claim on bare.job (queue, priority, run_at, id) where state = 0;
