-- One row: how far the walk over old jobs has come, and until when it rests before it begins anew. The first jobs are the
-- oldest, so that what is to be deleted is found without an index of its own.
create table :"schema".prune_mark (
  job_id bigint not null,
  rests_until timestamptz not null
);
insert into :"schema".prune_mark (job_id, rests_until) values (0, '-infinity');

-- What grows with every job is vacuumed after a fiftieth of it has changed, not after a fifth.
alter table :"schema".job set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table :"schema".attempt set (autovacuum_analyze_scale_factor = 0.02);
alter table :"schema".result set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table :"schema".stopped set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table :"schema".job_counter set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table :"schema".unique_key set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
