-- Why a person should look at a result: beside analysis_json, never in it.
alter table public.learning_submissions add column if not exists review_flags text[];

-- How the newest results of each model and program spread their points, without a word of whose they are. One row per
-- result rather than one counter per model: workers that complete at the same time then wait for nobody.
create table :"schema".learning_score (
  id bigint generated always as identity primary key,
  model text not null,
  program text not null,
  version text not null,
  hash text not null,
  scored_at timestamptz not null,
  shape text not null check (shape in ('all_zero', 'all_equal', 'varied')),
  -- Of `all_equal`: the share of its points that every criterion got.
  share numeric
);
create index learning_score_newest on :"schema".learning_score (model, program, version, hash, id desc);
