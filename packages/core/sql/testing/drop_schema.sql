-- The end of a test schema.
drop schema if exists :"schema" cascade;
