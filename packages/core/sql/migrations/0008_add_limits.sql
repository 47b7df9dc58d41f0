-- Limits: how many jobs of a queue, a type or a tenant run at once, how many start in a time, and turns between tenants.
--
-- A job under a limit waits in the gated twin of its lane, whose number is the lane's own below zero. No plain claim looks
-- there, so a job without limits never meets one. All else of the schema finds a gated job where it finds every other, in
-- `ready`; and a lease has the plain lane, however its job waited.
alter table :"schema".lane
  add column gated boolean not null default false check (gated = (id < 0)),
  drop constraint lane_type_version_phase_queue_solo_key,
  add unique (type, version, phase, queue, solo, gated);

-- Of a gated job, whose turn it is; the empty word stands for no tenant.
alter table :"schema".ready add column tenant text collate "C";
-- Every row there is has a plain lane, so they need not be read for this.
alter table :"schema".ready add constraint gated_without_tenant check (lane_id > 0 or tenant is not null) not valid;
-- The first finds the tenants who wait, and for how long; the second finds the next job of one of them.
create index ready_gated on :"schema".ready (lane_id, tenant, due_at) where lane_id < 0;
create index ready_gated_claim on :"schema".ready (lane_id, tenant, priority, due_at, job_id) where lane_id < 0;

create table :"schema".job_limit (
  scope text not null check (scope in ('queue', 'type', 'tenant')),
  -- Of tenants, `*` stands for each that has no limit of its own.
  key text not null check (length(key) between 1 and 256),
  concurrency_max integer check (concurrency_max >= 0),
  rate_max integer check (rate_max >= 0),
  -- At most a week.
  window_ms integer check (window_ms between 1 and 604800000),
  -- Tenants take turns, also without a bound.
  fair boolean not null default false,
  primary key (scope, key),
  constraint limit_rate_incomplete check ((rate_max is null) = (window_ms is null)),
  constraint limit_fair_tenant check (not (fair and scope = 'tenant')),
  constraint limit_empty check (concurrency_max is not null or rate_max is not null or fair)
);

-- A share of a tenant's that is not 1.
create table :"schema".tenant_weight (
  tenant text collate "C" primary key check (length(tenant) <= 256),
  weight double precision not null check (weight between 0.001 and 1000)
);

-- Who runs under a limit. Only a row whose lease lives counts: what is left behind, however that came, takes no slot.
create table :"schema".slot (
  scope text not null,
  key text not null,
  job_id bigint not null,
  token uuid not null,
  primary key (scope, key, job_id)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
create index slot_job on :"schema".slot (job_id);

-- How many started under a limit of rate, in pieces of a sixtieth of its window.
create table :"schema".start_count (
  scope text not null,
  key text not null,
  piece bigint not null,
  starts integer not null,
  -- The last of them. All count until it has left the window.
  last_at timestamptz not null,
  primary key (scope, key, piece)
) with (fillfactor = 50);

-- Turns, in virtual time: a queue's advances by one while a tenant of weight 1 starts one job. A tenant goes on where its
-- last job ended, or at the queue's time, whichever is later: who was idle has saved nothing up.
create table :"schema".turn_clock (
  queue text primary key,
  at double precision not null
) with (fillfactor = 50);
create table :"schema".turn (
  queue text not null,
  tenant text not null collate "C",
  finish double precision not null,
  primary key (queue, tenant)
) with (fillfactor = 50);

-- One row: when workers were last told that a slot is free.
create table :"schema".slot_hint (
  hinted_at timestamptz not null
);
insert into :"schema".slot_hint (hinted_at) values ('-infinity');
