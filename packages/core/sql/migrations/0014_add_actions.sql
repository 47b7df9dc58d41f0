-- What operators did, for whoever asks later. A row is written in the transaction of the act itself, so that neither is
-- there without the other. It names a job or a filter, and never what is in a job.
create table :"schema".action (
  number bigint generated always as identity primary key,
  -- Of an act that takes several calls there is one row, which counts on.
  id uuid not null unique,
  at timestamptz not null,
  -- Who, as the host knows them, and the login that they came by.
  operator text not null check (length(operator) between 1 and 128),
  login text not null,
  action text not null check (action ~ '^[a-z][a-z0-9_.]{0,63}$'),
  target text check (length(target) <= 512),
  -- The operator's own words.
  reason text check (length(reason) <= 1024),
  outcome text not null check (outcome ~ '^[a-z][a-z0-9_]{0,63}$'),
  jobs integer not null check (jobs >= 0)
);
create index action_at on :"schema".action (at);
