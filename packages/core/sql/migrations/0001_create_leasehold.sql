-- The tables of the leasing core. They are private: every change of state is a function beside them.
--
-- A job is an immutable row in `job`. Where it stands is told by which small table has a row for it:
-- `ready` (queued), `lease` (leased) or `stopped` (failed, dead, cancelled). A job that has left them all is
-- completed: most jobs end so, and their last attempt says the rest. The hot tables carry no payload and no
-- foreign keys: the functions keep them true, and a claim must not lock `job`.

create table :"schema".job_type (
  name text primary key check (name ~ '^[a-z][a-z0-9_.-]{0,63}$'),
  -- Called in the transaction of each transition; see register_type. By its name: a number of the catalogue would not
  -- survive a function that is dropped and made again, and pg_upgrade refuses tables that hold one.
  hook text,
  retries_max smallint not null default 3 check (retries_max >= 0),
  losses_max smallint not null default 3 check (losses_max >= 2),
  backoff_base_ms integer not null default 10000 check (backoff_base_ms > 0),
  backoff_cap_ms integer not null default 600000 check (backoff_cap_ms > 0)
);

-- A lane is what a worker can or cannot run, as one small number. A job that lost a worker waits in the
-- solo twin of its lane, where it is claimed alone.
create table :"schema".lane (
  id integer generated always as identity primary key,
  queue text not null check (length(queue) between 1 and 64),
  type text not null references :"schema".job_type (name),
  version smallint not null check (version >= 1),
  phase text not null check (phase ~ '^[a-z][a-z0-9_]{0,63}$'),
  solo boolean not null,
  unique (type, version, phase, queue, solo)
);

create table :"schema".job (
  id bigint generated always as identity primary key,
  public_id uuid not null unique,
  queue text not null,
  type text not null,
  version smallint not null,
  priority smallint not null check (priority between 0 and 9),
  tenant text check (length(tenant) <= 256),
  subject text check (length(subject) <= 256),
  unique_key text check (length(unique_key) <= 256),
  idempotency_key text check (length(idempotency_key) <= 256),
  payload jsonb not null constraint payload_too_large check (pg_column_size(payload) <= 1048576),
  created_at timestamptz not null
);
create unique index job_idempotency on :"schema".job (queue, idempotency_key)
  where idempotency_key is not null;
create index job_subject on :"schema".job (subject) where subject is not null;

-- One live job per (queue, key); the row goes when the job settles.
create table :"schema".unique_key (
  queue text not null,
  key text not null,
  job_id bigint not null unique,
  primary key (queue, key)
);

create table :"schema".ready (
  job_id bigint primary key,
  lane_id integer not null,
  priority smallint not null,
  due_at timestamptz not null,
  -- Starts of this phase so far.
  attempt integer not null
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
create index ready_claim on :"schema".ready (lane_id, priority, due_at, job_id);

-- `until` is in no index, so that a renewal stays on its page.
create table :"schema".lease (
  job_id bigint primary key,
  token uuid not null,
  worker text not null check (length(worker) between 1 and 128),
  lane_id integer not null,
  priority smallint not null,
  attempt integer not null,
  solo boolean not null,
  lease_ms integer not null check (lease_ms > 0),
  leased_at timestamptz not null,
  -- Null: held for a run alone that has not begun.
  started_at timestamptz,
  until timestamptz not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

-- One row: the latest time that was seen. The clock went back when it is before.
create table :"schema".clock_mark (
  seen_at timestamptz not null
);
insert into :"schema".clock_mark (seen_at) values ('-infinity');

-- The ended attempts. The live one is the lease.
create table :"schema".attempt (
  job_id bigint not null,
  phase text not null,
  attempt integer not null,
  token uuid not null,
  worker text not null,
  started_at timestamptz not null,
  finished_at timestamptz not null,
  outcome text not null check (outcome in (
    'completed', 'retried', 'released', 'failed', 'lapsed', 'cancelled', 'effect_failed'
  )),
  code text,
  message text,
  primary key (job_id, phase, attempt)
) with (autovacuum_vacuum_scale_factor = 0.02);

-- What went wrong with a job, in three counters that are never mixed. No row: nothing did.
create table :"schema".job_counter (
  job_id bigint not null,
  phase text not null,
  failures integer not null default 0,
  losses integer not null default 0,
  losses_alone integer not null default 0,
  outages integer not null default 0,
  last_code text,
  last_message text,
  last_at timestamptz not null,
  primary key (job_id, phase)
);

-- Results of phases (part 0) and of parts within them (from 1).
create table :"schema".result (
  job_id bigint not null,
  phase text not null,
  part smallint not null check (part >= 0),
  -- 0: stored at enqueue, because this job did not need the phase.
  attempt integer not null,
  output jsonb not null,
  provenance jsonb not null,
  saved_at timestamptz not null,
  primary key (job_id, phase, part)
);

-- Jobs that ended without completing.
create table :"schema".stopped (
  job_id bigint primary key,
  state text not null check (state in ('failed', 'dead', 'cancelled')),
  phase text not null,
  code text,
  message text,
  worker text,
  started_at timestamptz,
  finished_at timestamptz not null
);
create index stopped_state on :"schema".stopped (state, finished_at);
