-- Schedules, and their slots: the moments at which they are to enqueue a job. Slots are written ahead, since it takes a
-- program to read a cron expression; to consume them takes nothing but SQL.

create table :"schema".schedule (
  name text primary key check (name ~ '^[a-z][a-z0-9_.-]{0,63}$'),
  cron text not null check (length(cron) between 1 and 256),
  time_zone text not null check (length(time_zone) between 1 and 64),
  -- What becomes of slots that nobody consumed within their grace; see enqueue_cron_tasks.
  missed text not null check (missed in ('skip', 'last', 'all')),
  missed_max integer not null check (missed_max between 0 and 1000),
  grace_ms bigint not null check (grace_ms between 1000 and 604800000),
  -- What enqueue_jobs takes, without keys: each slot has its own.
  job jsonb not null check (job ?& array['type', 'version', 'phase', 'payload'] and not job ?| array['id', 'uniqueKey']),
  -- The member of the payload that tells a job its slot, or null.
  slot_field text check (slot_field is null or jsonb_typeof(job -> 'payload') = 'object'),
  enabled boolean not null default true,
  -- Slots are written up to here.
  planned_until timestamptz not null,
  -- Goes up with everything that changes which slots are to come: who planned by an older one is told so.
  revision integer not null default 1,
  check (missed_max = case missed when 'skip' then 0 when 'last' then 1 else greatest(missed_max, 1) end)
);

create table :"schema".cron_slot (
  schedule text not null references :"schema".schedule (name) on delete cascade,
  slot_at timestamptz not null,
  -- Null: nobody has yet.
  consumed_at timestamptz,
  -- `passed`: the policy wanted no job for it. `failed`: Postgres refused the job, for the reason in `code`.
  outcome text check (outcome in ('enqueued', 'passed', 'failed')),
  code text,
  -- The job's public id.
  job_id uuid,
  primary key (schedule, slot_at),
  check ((consumed_at is null) = (outcome is null))
);
create index cron_slot_open on :"schema".cron_slot (slot_at, schedule) where consumed_at is null;
