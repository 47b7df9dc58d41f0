-- As the other tables with a row per job: vacuumed after a fiftieth of them has changed, not after a fifth.
alter table :"schema".signal set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table :"schema".child set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
alter table :"schema".parent set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);
