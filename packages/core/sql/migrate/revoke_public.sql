-- Postgres lets everybody execute a new function: not here, and in the same transaction that made them.
revoke all on schema :"schema" from public;
revoke all on all tables in schema :"schema" from public;
revoke all on all functions in schema :"schema" from public;
