-- How far the clock of a test schema is from the true one. One row.
create table :"schema".test_clock (offset_ms bigint not null);
insert into :"schema".test_clock (offset_ms) values (0);
