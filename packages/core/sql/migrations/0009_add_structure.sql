-- Jobs that gave their lease back until something happens, and what it is that they wait for. All of these tables are
-- empty where no job waits.

-- A job that is in none of `ready`, `lease` and `stopped`, and is not completed.
create table :"schema".waiting (
  job_id bigint primary key,
  lane_id integer not null,
  priority smallint not null,
  -- Starts of this phase so far.
  attempt integer not null,
  -- Such as `signal` or `children`.
  reason text not null check (reason ~ '^[a-z][a-z_]{0,31}$'),
  -- Which signal.
  name text,
  -- Whether a child that does not complete ends the wait for the others.
  fails_fast boolean not null default false,
  -- Null: for as long as it takes.
  wake_at timestamptz,
  since timestamptz not null
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
create index waiting_wake on :"schema".waiting (wake_at) where wake_at is not null;

-- What jobs were told from outside, each word once. This is content.
create table :"schema".signal (
  job_id bigint not null,
  name text not null check (name ~ '^[a-z][a-z0-9_.-]{0,63}$'),
  -- Null: it was waited for in vain, and comes too late now. A payload of null is a null of JSON.
  payload jsonb constraint payload_too_large check (pg_column_size(payload) <= 65536),
  at timestamptz not null,
  primary key (job_id, name)
);

create table :"schema".child (
  job_id bigint primary key,
  parent_id bigint not null,
  -- How it ended. Null: it has not.
  state text check (state in ('completed', 'failed', 'dead', 'cancelled'))
);
create index child_parent on :"schema".child (parent_id, job_id);

-- A job that has children. Whoever ends one of them locks this row, so that one of any two knows that it was the last.
create table :"schema".parent (
  job_id bigint primary key,
  -- Children that have not ended.
  open integer not null,
  -- Children that ended and did not complete.
  failed integer not null default 0,
  -- What wake_due has still to do, because a row was somebody else's: cancel the children, or wake the parent.
  duty text check (duty in ('cancel', 'wake'))
);
create index parent_duty on :"schema".parent (job_id) where duty is not null;

-- One more outcome. Every row there is has one of the others, so they need not be read for this.
alter table :"schema".attempt drop constraint attempt_outcome_check;
alter table :"schema".attempt add constraint attempt_outcome_check check (outcome in (
  'completed', 'retried', 'released', 'failed', 'lapsed', 'cancelled', 'effect_failed', 'waited'
)) not valid;
